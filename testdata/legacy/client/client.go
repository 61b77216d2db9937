// Package client dials services in the ways that this company does.
package client

import (
	"google.golang.org/grpc"
	"google.golang.org/grpc/naming"

	"example.com/legacy/sticky"
)

// Options are for every connection.
type Options struct {
	Balancer grpc.Balancer // nil for round robin
	Extra    []grpc.DialOption
}

// Dial returns a connection to what r finds.
func Dial(r naming.Resolver, o Options) (*grpc.ClientConn, error) {
	b := o.Balancer
	if b == nil {
		b = grpc.RoundRobin(r) // not grpc.WithBalancerName("round_robin")
	}
	opts := append(o.Extra, grpc.WithInsecure(), grpc.WithBalancer(b))
	return grpc.Dial("service", opts...)
}

// DialSticky returns a connection to the first of addrs that is up.
func DialSticky(addrs ...string) (*grpc.ClientConn, error) {
	return grpc.Dial("",
		grpc.WithInsecure(),
		grpc.WithBalancer(sticky.New(addrs...)),
	)
}
