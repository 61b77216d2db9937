package adapter_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// legacyResolver is a naming.Resolver as old code has one, and its own Watcher.
type legacyResolver struct {
	updates chan []*naming.Update
}

func newLegacyResolver(addrs ...string) *legacyResolver {
	r := &legacyResolver{updates: make(chan []*naming.Update, 1)}
	var first []*naming.Update
	for _, a := range addrs {
		first = append(first, &naming.Update{Op: naming.Add, Addr: a, Metadata: "zone-a"})
	}
	r.updates <- first
	return r
}

func (r *legacyResolver) Resolve(target string) (naming.Watcher, error) { return r, nil }

func (r *legacyResolver) Next() ([]*naming.Update, error) {
	u, ok := <-r.updates
	if !ok {
		return nil, fmt.Errorf("closed")
	}
	return u, nil
}

func (r *legacyResolver) Close() { close(r.updates) }

func server() *backend.Backend {
	b, err := backend.Start()
	if err != nil {
		log.Fatal(err)
	}
	return b
}

// answers says whether it is s that answers an RPC over what has been dialled.
func answers(s *backend.Backend, conn *grpc.ClientConn, err error) bool {
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	answered, err := backend.Call(context.Background(), conn)
	if err != nil {
		log.Fatal(err)
	}
	return answered == s.Addr()
}

// Code written against grpc-go v1.29 changes its imports, and nothing else.
func ExampleWithBalancer() {
	s := server()
	defer s.Stop()

	// Before: grpc.WithBalancer(grpc.RoundRobin(resolver)).
	conn, err := grpc.Dial("", grpc.WithInsecure(),
		adapter.WithBalancer(adapter.RoundRobin(newLegacyResolver(s.Addr()))))
	fmt.Println(answers(s, conn, err))
	// Output: true
}

// A ClientConn with a service config of its own.
func ExampleWithBalancerAndServiceConfig() {
	s := server()
	defer s.Stop()

	opts := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	opts = append(opts, adapter.WithBalancerAndServiceConfig(
		adapter.RoundRobin(newLegacyResolver(s.Addr())),
		`{"methodConfig": [{"name": [{}], "timeout": "5s"}]}`)...)
	conn, err := grpc.NewClient("", opts...)
	fmt.Println(answers(s, conn, err))
	// Output: true
}

// The next step: the old resolver under a modern LB policy.
func ExampleNewBuilder() {
	s := server()
	defer s.Stop()

	conn, err := grpc.NewClient("legacy:///my-service",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(adapter.NewBuilder("legacy", newLegacyResolver(s.Addr()))),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	fmt.Println(answers(s, conn, err))
	// Output: true
}

// metadataClientConn stands for what gets the addresses, such as an LB policy.
type metadataClientConn struct {
	resolver.ClientConn
	seen chan interface{}
}

func (cc metadataClientConn) UpdateState(s resolver.State) error {
	for _, a := range s.Addresses {
		cc.seen <- adapter.Metadata(a)
	}
	return nil
}

// An LB policy reads what the old resolver said about an address.
func ExampleMetadata() {
	cc := metadataClientConn{seen: make(chan interface{})}
	r, err := adapter.NewBuilder("legacy", newLegacyResolver("10.0.0.1:80")).Build(resolver.Target{}, cc, resolver.BuildOptions{})
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	fmt.Println(<-cc.seen)
	// Output: zone-a
}

// A legacy balancer on a modern resolver, while the migration is half done.
func ExampleFromBuilder() {
	s := server()
	defer s.Stop()

	conn, err := grpc.Dial(s.Addr(), grpc.WithInsecure(),
		adapter.WithBalancer(adapter.RoundRobin(adapter.FromBuilder(resolver.Get("dns")))))
	fmt.Println(answers(s, conn, err))
	// Output: true
}
