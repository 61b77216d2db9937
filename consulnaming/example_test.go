package consulnaming_test

import (
	"context"
	"fmt"
	"log"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// demo is a Consul with one instance of the service "add".
func demo() (*consultest.Server, *backend.Backend) {
	b, err := backend.Start()
	if err != nil {
		log.Fatal(err)
	}
	consul := consultest.NewServer()
	err = consul.Register(api.AgentServiceRegistration{Name: "add", Address: "127.0.0.1", Port: b.Port(), Tags: []string{"v1"}})
	if err != nil {
		log.Fatal(err)
	}
	return consul, b
}

// The article's line, with changed imports only.
func ExampleNewConsulResolver() {
	consul, b := demo()
	defer consul.Close()
	defer b.Stop()

	conn, err := grpc.Dial("", grpc.WithInsecure(),
		adapter.WithBalancer(adapter.RoundRobin(consulnaming.NewConsulResolver(consul.Address(), "add"))))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	answered, err := backend.Call(context.Background(), conn)
	fmt.Println(answered == b.Addr(), err)
	// Output: true <nil>
}

// Targets of the scheme "consul" under grpc's own LB policy. What is known of an instance
// beside its address goes to policies as attributes; here it is only printed.
func ExampleNewBuilder() {
	consul, b := demo()
	defer consul.Close()
	defer b.Stop()

	builder := consulnaming.NewBuilder(
		consulnaming.KeepLastKnown(),
		consulnaming.EndpointFunc(func(i consulnaming.Instance, e resolver.Endpoint) resolver.Endpoint {
			fmt.Println(i.ID, i.Tags, "weight", i.Weight)
			return e // with today's grpc-go: weight.Set(e, weight.EndpointInfo{Weight: uint32(i.Weight)})
		}))
	conn, err := grpc.NewClient("consul://"+consul.Address()+"/add?tag=v1&wait=30s",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(builder),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	answered, err := backend.Call(context.Background(), conn)
	fmt.Println(answered == b.Addr(), err)
	// Output:
	// add [v1] weight 1
	// true <nil>
}

// What the article's constructor has no room for, under a modern LB policy.
func ExampleNew() {
	consul, b := demo()
	defer consul.Close()
	defer b.Stop()

	resolver := consulnaming.New(consul.Client(), "", // the target names the service
		consulnaming.Tags("v1"),
		consulnaming.PassingOnly(true),
		consulnaming.QueryOptions(&api.QueryOptions{AllowStale: true}),
		consulnaming.MetadataFunc(func(e *api.ServiceEntry) interface{} { return e.Service.Weights.Passing }))
	conn, err := grpc.NewClient("consul:///add",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(adapter.NewBuilder("consul", resolver)),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()

	answered, err := backend.Call(context.Background(), conn)
	fmt.Println(answered == b.Addr(), err)
	// Output: true <nil>
}

// Without gRPC: the stream of updates as the old API has it.
func ExampleNewConsulResolver_updates() {
	consul := consultest.NewServer()
	defer consul.Close()
	if err := consul.Register(api.AgentServiceRegistration{Name: "add", Address: "10.0.0.1", Port: 80}); err != nil {
		log.Fatal(err)
	}
	watcher, err := consulnaming.NewConsulResolver(consul.Address(), "add").Resolve("")
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()
	updates, err := watcher.Next()
	for _, u := range updates {
		fmt.Println(u.Op, u.Addr, err)
	}
	// Output: 0 10.0.0.1:80 <nil>
}

// Instances in another network, by the address that they are tagged with.
func ExampleAddressFunc() {
	consul := consultest.NewServer()
	defer consul.Close()
	err := consul.Register(api.AgentServiceRegistration{
		Name: "add", Address: "10.0.0.1", Port: 80,
		TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "198.51.100.1", Port: 8080}},
	})
	if err != nil {
		log.Fatal(err)
	}
	watcher, err := consulnaming.New(consul.Client(), "add", consulnaming.AddressFunc(func(e *api.ServiceEntry) api.ServiceAddress {
		return e.Service.TaggedAddresses["wan"]
	})).Resolve("")
	if err != nil {
		log.Fatal(err)
	}
	defer watcher.Close()
	updates, err := watcher.Next()
	for _, u := range updates {
		fmt.Println(u.Addr, err)
	}
	// Output: 198.51.100.1:8080 <nil>
}
