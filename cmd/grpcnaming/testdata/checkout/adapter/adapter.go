// Package adapter stands in for the package of that path.
package adapter

import (
	"context"

	"github.com/grpcnaming/grpcnaming/naming"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
)

type Address struct {
	Addr     string
	Metadata interface{}
}

type BalancerConfig struct {
	DialCreds credentials.TransportCredentials
}

type BalancerGetOptions struct {
	BlockingWait bool
}

type Balancer interface {
	Start(target string, config BalancerConfig) error
	Up(addr Address) (down func(error))
	Get(ctx context.Context, opts BalancerGetOptions) (addr Address, put func(), err error)
	Notify() <-chan []Address
	Close() error
}

func RoundRobin(r naming.Resolver) Balancer { return nil }

func WithBalancer(b Balancer) grpc.DialOption { return grpc.WithResolvers() }

func WithBalancerName(name string) grpc.DialOption { return grpc.WithDefaultServiceConfig(name) }

func WithBalancerAndServiceConfig(b Balancer, serviceConfigJSON string) []grpc.DialOption {
	return []grpc.DialOption{WithBalancer(b), grpc.WithDefaultServiceConfig(serviceConfigJSON)}
}
