package main

import (
	"fmt"
	"net"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

// backends serves grpc.health.v1.Health on n ports of 127.0.0.1, with today's
// grpc-go whatever the client has.
func backends(n int) (addrs []string, err error) {
	s := grpc.NewServer()
	healthpb.RegisterHealthServer(s, health.NewServer())
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		addrs = append(addrs, l.Addr().String())
		go func() {
			if err := s.Serve(l); err != nil {
				fmt.Fprintln(os.Stderr, "server:", err)
				os.Exit(1)
			}
		}()
	}
	return addrs, nil
}
