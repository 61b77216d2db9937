package bench

import (
	"fmt"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/naming"
	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
	"github.com/grpcnaming/grpcnaming/testdata/peers"
)

// dialOurs is the legacy spelling, with changed imports only.
func dialOurs(r naming.Resolver, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	opts = append(opts, grpc.WithInsecure(), adapter.WithBalancer(adapter.RoundRobin(r)))
	return grpc.Dial("bench", opts...)
}

// dialNative is grpc's own round_robin under a resolver written by hand.
func dialNative(r resolver.Builder, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	opts = append(opts,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(r),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
	conn, err := grpc.NewClient(r.Scheme()+":///bench", opts...)
	if err == nil {
		conn.Connect()
	}
	return conn, err
}

// otherImpls names the clients of package peers that are not WithBalancer, which is
// "ours" here.
func otherImpls() (names []string) {
	for _, c := range peers.Clients[1:] {
		names = append(names, c.Name)
	}
	return names
}

// dialOther is one of them.
func dialOther(impl, consul, service string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	c, ok := peers.Find(impl)
	if !ok {
		return nil, fmt.Errorf("no implementation %q", impl)
	}
	return c.Dial(consul, service, nil, opts...)
}

// list is a naming.Resolver of addresses that do not change.
type list []string

func (l list) Resolve(string) (naming.Watcher, error) {
	var updates []*naming.Update
	for _, addr := range l {
		updates = append(updates, add(addr))
	}
	return measure.NewWatcher([][]*naming.Update{updates}), nil
}

func add(addr string) *naming.Update { return &naming.Update{Op: naming.Add, Addr: addr} }

// resolved is a naming.Resolver with that watcher.
type resolved struct{ naming.Watcher }

func (r resolved) Resolve(string) (naming.Watcher, error) { return r.Watcher, nil }

// nativeList is the same for grpc's own round_robin.
type nativeList []string

func (l nativeList) Scheme() string                        { return "list" }
func (l nativeList) ResolveNow(resolver.ResolveNowOptions) {}
func (l nativeList) Close()                                {}

func (l nativeList) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	return l, cc.UpdateState(stateOf(l))
}

func stateOf(addrs []string) (s resolver.State) {
	for _, addr := range addrs {
		s.Addresses = append(s.Addresses, resolver.Address{Addr: addr})
	}
	return s
}
