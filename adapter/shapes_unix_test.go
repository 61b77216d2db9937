package adapter

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// startUnixBackend serves on a Unix socket and counts calls.
func startUnixBackend(t *testing.T) (path string, calls *atomic.Int32) {
	t.Helper()
	dir, err := os.MkdirTemp("", "grpc") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	path, calls = filepath.Join(dir, "s"), &atomic.Int32{}
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		calls.Add(1)
		return h(ctx, req)
	}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return path, calls
}

// check makes n RPCs that wait for a connection.
func check(t *testing.T, conn *grpc.ClientConn, n int) {
	t.Helper()
	for range n {
		if _, err := healthpb.NewHealthClient(conn).Check(testContext(t), &healthpb.HealthCheckRequest{}, grpc.FailFast(false)); err != nil {
			t.Fatalf("RPC: %v", err)
		}
	}
}

// A Unix socket is an Addr like any other, beside others, and a target, in each form
// that v1.29.1 took.
func TestShapeUnix(t *testing.T) {
	for _, scheme := range []string{"unix://", "unix:"} {
		t.Run(scheme, func(t *testing.T) {
			path, calls := startUnixBackend(t)
			tcp := startBackends(t, 1)[0]
			conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver{scheme + path, tcp.Addr()})))
			eventually(t, "each backend has been called", func() bool {
				check(t, conn, 2)
				return calls.Load() > 0 && tcp.Calls() > 0
			})
			for _, target := range []string{scheme + path, "passthrough:///" + scheme + path} {
				before := calls.Load()
				check(t, dial(t, target, WithBalancer(RoundRobin(nil))), 3)
				if n := calls.Load() - before; n != 3 {
					t.Errorf("%d RPCs to %s came, want 3", n, target)
				}
			}
		})
	}
}
