// Package backend is a gRPC server on loopback for the programs beside it.
package backend

import (
	"context"
	"fmt"
	"maps"
	"net"
	"runtime/debug"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"
)

// Start serves grpc.health.v1.Health on a free port until the process ends, and
// whatever register adds.
func Start(register ...func(*grpc.Server)) (addr string, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	for _, f := range register {
		f(s)
	}
	go s.Serve(l)
	return l.Addr().String(), nil
}

// Await makes RPCs until all of addrs answer, and nobody else.
func Await(ctx context.Context, conn *grpc.ClientConn, addrs ...string) error {
	want := make(map[string]bool)
	for _, addr := range addrs {
		want[addr] = true
	}
	for {
		answered := make(map[string]bool)
		for range 2 * len(addrs) {
			var p peer.Peer
			if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&p)); err != nil {
				return fmt.Errorf("waiting for answers of %v: %w", addrs, err)
			}
			answered[p.Addr.String()] = true
		}
		if maps.Equal(answered, want) {
			return nil
		}
	}
}

// GRPCVersion is the version of grpc-go in this program.
func GRPCVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		if m.Path == "google.golang.org/grpc" {
			return m.Version
		}
	}
	return "unknown"
}
