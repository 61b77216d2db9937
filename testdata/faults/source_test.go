package faults

import (
	"net/url"
	"slices"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/naming"
)

// kind is what stands between Consul and gRPC. Each has a query of its own.
type kind int

const (
	shim   kind = iota // consulnaming.NewConsulResolver or New, and a v1 Balancer
	native             // consulnaming.NewBuilder or NewBuilderWithClient, and grpc's round_robin
)

const kinds = 2

func (k kind) String() string { return [kinds]string{"shim", "native"}[k] }

// source is what a ClientConn of either kind is told of Consul: an agent or a client.
type source struct {
	agent   string // its address
	client  *api.Client
	options []consulnaming.Option // with client
}

func (s source) resolver(service string) naming.Resolver {
	if s.client == nil {
		return consulnaming.NewConsulResolver(s.agent, service)
	}
	return consulnaming.New(s.client, service, s.options...)
}

func (s source) builder() resolver.Builder {
	if s.client == nil {
		return consulnaming.NewBuilder(consulnaming.Agent(s.agent))
	}
	return consulnaming.NewBuilderWithClient(s.client, s.options...)
}

// dial makes a ClientConn of a kind, as users do, and lets o, if it is not nil, observe
// it. It has begun to resolve.
func (s source) dial(k kind, service string, o *observer, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	opts = slices.Clone(opts)
	if k == shim {
		b := adapter.RoundRobin(s.resolver(service))
		if o != nil {
			b = observeBalancer(b, o)
		}
		return grpc.Dial("", append(opts, grpc.WithInsecure(), adapter.WithBalancer(b))...)
	}
	b := s.builder()
	if o != nil {
		observed := observedBuilder{b, o}
		b, opts = observed, append(opts, grpc.WithStatsHandler(observed))
	}
	conn, err := grpc.NewClient("consul:///"+url.PathEscape(service), append(opts,
		grpc.WithResolvers(b), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))...)
	if err != nil {
		return nil, err
	}
	conn.Connect()
	return conn, nil
}
