package adapter

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// unixBackend serves on a Unix socket and counts calls.
type unixBackend struct {
	path  string
	calls chan struct{}
}

func startUnixBackend(t *testing.T) *unixBackend {
	t.Helper()
	dir, err := os.MkdirTemp("", "grpc") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	b := &unixBackend{path: filepath.Join(dir, "s"), calls: make(chan struct{}, 1000)}
	l, err := net.Listen("unix", b.path)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		b.calls <- struct{}{}
		return h(ctx, req)
	}))
	healthpb.RegisterHealthServer(server, health.NewServer())
	served := make(chan error)
	go func() { served <- server.Serve(l) }()
	t.Cleanup(func() { server.Stop(); <-served })
	return b
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

// A Unix socket is an Addr like any other, in each form that v1.29.1 took, and
// beside others.
func TestShapeUnixAddr(t *testing.T) {
	for _, scheme := range []string{"unix://", "unix:"} {
		t.Run(scheme, func(t *testing.T) {
			b, other := startUnixBackend(t), startUnixBackend(t)
			tcp := startBackends(t, 1)[0]
			conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver{scheme + b.path, scheme + other.path, tcp.Addr()})))
			eventually(t, "each backend has been called", func() bool {
				check(t, conn, 3)
				return len(b.calls) > 0 && len(other.calls) > 0 && tcp.Calls() > 0
			})
		})
	}
}

// Without a resolver the target is the Addr.
func TestShapeUnixTarget(t *testing.T) {
	for _, scheme := range []string{"unix://", "unix:", "passthrough:///unix://"} {
		t.Run(scheme, func(t *testing.T) {
			b := startUnixBackend(t)
			conn := dial(t, scheme+b.path, WithBalancer(RoundRobin(nil)))
			check(t, conn, 3)
			if n := len(b.calls); n != 3 {
				t.Errorf("%d RPCs came, want 3", n)
			}
		})
	}
}
