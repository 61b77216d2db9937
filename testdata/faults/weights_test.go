package faults

import (
	"fmt"
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/balancer/ringhash"
	"google.golang.org/grpc/experimental/balancer/weight"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// Today's grpc has a policy that heeds weights, and a public way to tell it of them: with
// the EndpointFunc of the documentation RPCs go to instances as Consul's weights say. It
// is no fault. It is here because it needs today's grpc.
func TestWeightsReachRingHash(t *testing.T) {
	s := consultest.NewServer()
	defer s.Close()
	const rpcs = 2000
	weights := make(map[string]int)
	for _, w := range []int{1, 3, 4} {
		b, err := backend.Start()
		if err != nil {
			t.Fatal(err)
		}
		defer b.Stop()
		err = s.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
			ID: fmt.Sprint(w), Name: "svc", Address: "127.0.0.1", Port: b.Port(), Weights: &api.AgentWeights{Passing: w, Warning: 1},
		})
		if err != nil {
			t.Fatal(err)
		}
		weights[b.Addr()] = w
	}
	builder := consulnaming.NewBuilder(consulnaming.EndpointFunc(func(i consulnaming.Instance, e resolver.Endpoint) resolver.Endpoint {
		return weight.Set(e, weight.EndpointInfo{Weight: uint32(i.Weight)})
	}))
	conn, err := grpc.NewClient("consul://"+s.Address()+"/svc", grpc.WithInsecure(), grpc.WithResolvers(builder),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"ring_hash_experimental":{"minRingSize":4096,"requestHashHeader":"key"}}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	seen := make(map[string]int)
	for i := range rpcs {
		ctx := metadata.AppendToOutgoingContext(testwait.Context(t), "key", fmt.Sprint(i))
		addr, err := backend.Call(ctx, conn, grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		seen[addr]++
	}
	for addr, w := range weights {
		// Where the ring's entries are is a matter of the addresses: a share is off by a
		// twentieth of all at the most.
		if n, want := seen[addr], rpcs*w/8; n < want-rpcs/20 || n > want+rpcs/20 {
			t.Errorf("weight %d of 8: %d of %d RPCs, want about %d", w, n, rpcs, want)
		}
	}
}
