// Package backend is a gRPC server on loopback that says who it is: for tests,
// and for the demo. Its one service is grpc.health.v1.Health, which Consul's
// gRPC checks ask for too, so that no generated code is needed.
package backend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
)

// header carries the address of the backend that answered, or has a stream.
const header = "backend-address"

// Backend is a running server. Stop ends it.
type Backend struct {
	addr   *net.TCPAddr
	server *grpc.Server
	calls  atomic.Int64
	served chan struct{}
}

// Start serves on a free port of 127.0.0.1.
func Start(opts ...grpc.ServerOption) (*Backend, error) {
	return StartOn("127.0.0.1:0", opts...)
}

// StartOn serves on addr, which a stopped Backend may have had before.
func StartOn(addr string, opts ...grpc.ServerOption) (*Backend, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("backend: %w", err)
	}
	b := &Backend{addr: l.Addr().(*net.TCPAddr), served: make(chan struct{})}
	opts = append(opts, grpc.ChainUnaryInterceptor(b.sign), grpc.ChainStreamInterceptor(b.signStream))
	b.server = grpc.NewServer(opts...)
	healthpb.RegisterHealthServer(b.server, health.NewServer())
	go func() {
		defer close(b.served)
		_ = b.server.Serve(l) // ends with Stop
	}()
	return b, nil
}

func (b *Backend) sign(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	b.calls.Add(1)
	if err := grpc.SetHeader(ctx, metadata.Pairs(header, b.Addr())); err != nil {
		return nil, err
	}
	return handler(ctx, req)
}

func (b *Backend) signStream(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
	if err := stream.SetHeader(metadata.Pairs(header, b.Addr())); err != nil {
		return err
	}
	return handler(srv, stream)
}

// Addr is "127.0.0.1:port".
func (b *Backend) Addr() string { return b.addr.String() }

// Port is the port of Addr.
func (b *Backend) Port() int { return b.addr.Port }

// Calls is how many unary calls have arrived, health checks included.
func (b *Backend) Calls() int64 { return b.calls.Load() }

// Stop closes the listener and all connections at once and waits for the
// server's goroutine. It may be called more than once.
func (b *Backend) Stop() {
	b.server.Stop()
	<-b.served
}

// Call makes one RPC on conn and returns the address of the backend that
// answered it.
func Call(ctx context.Context, conn grpc.ClientConnInterface, opts ...grpc.CallOption) (addr string, err error) {
	var md metadata.MD
	opts = append(opts, grpc.Header(&md))
	if _, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, opts...); err != nil {
		return "", err
	}
	if v := md.Get(header); len(v) == 1 {
		return v[0], nil
	}
	return "", errors.New("backend: the answer names no backend")
}
