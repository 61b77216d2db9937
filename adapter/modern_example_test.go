package adapter_test

// The examples that modernize refers to: the shape that one's own resolver and
// balancer have today.

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
)

// A listBuilder is what a naming.Resolver has become. Build is Resolve: grpc calls it
// when a ClientConn begins to look its target up, and again after idleness.
type listBuilder struct {
	lists <-chan []string // the addresses, whenever they change: from a registry, a file, ...
}

// Scheme is what targets begin with: "list:///my-service".
func (b *listBuilder) Scheme() string { return "list" }

func (b *listBuilder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	r := &listResolver{cc: cc, lists: b.lists, done: make(chan struct{})}
	r.ended.Add(1)
	go r.watch(target.Endpoint())
	return r, nil
}

// A listResolver is what a naming.Watcher has become. It is not asked by Next: it
// tells the ClientConn.
type listResolver struct {
	cc    resolver.ClientConn
	lists <-chan []string
	done  chan struct{}
	ended sync.WaitGroup
}

func (r *listResolver) watch(service string) {
	defer r.ended.Done()
	for {
		select {
		case list := <-r.lists:
			if len(list) == 0 { // RPCs fail with this while no address is known
				r.cc.ReportError(fmt.Errorf("%s has no instance", service))
				continue
			}
			var state resolver.State // all that is known, and not what has changed
			for _, addr := range list {
				state.Addresses = append(state.Addresses, resolver.Address{Addr: addr})
			}
			_ = r.cc.UpdateState(state) // an error asks for another look, which comes anyway
		case <-r.done:
			return
		}
	}
}

// ResolveNow is a hint that a connection was lost. There is nothing to hurry here.
func (r *listResolver) ResolveNow(resolver.ResolveNowOptions) {}

// Close returns when the ClientConn is told nothing any more.
func (r *listResolver) Close() {
	close(r.done)
	r.ended.Wait()
}

// Was: a naming.Resolver and its Watcher, under grpc.RoundRobin or adapter.NewBuilder.
func Example_modernResolver() {
	s := server()
	defer s.Stop()

	lists := make(chan []string, 1)
	lists <- []string{s.Addr()}
	conn, err := grpc.NewClient("list:///my-service",
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithResolvers(&listBuilder{lists}), // or resolver.Register at init time
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"round_robin": {}}]}`))
	fmt.Println(answers(s, conn, err))
	// Output: true
}

// fewestRPCs makes pickers. Start, Up, down, Notify and Close of a v1 Balancer have no
// place in it: package base connects to each address of the resolver, and calls Build
// when a connection becomes ready or is lost.
type fewestRPCs struct{}

func (fewestRPCs) Build(info base.PickerBuildInfo) balancer.Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable) // RPCs wait
	}
	p := &fewestPicker{}
	for conn := range info.ReadySCs { // the values have the addresses, with their attributes
		p.conns = append(p.conns, &countedConn{conn: conn})
	}
	return p
}

type countedConn struct {
	conn    balancer.SubConn
	running atomic.Int64
}

// A fewestPicker gives an RPC the connection with the fewest RPCs.
type fewestPicker struct {
	conns []*countedConn
}

// Pick is Get of a v1 Balancer, and Done is put. It must not block.
func (p *fewestPicker) Pick(balancer.PickInfo) (balancer.PickResult, error) {
	c := slices.MinFunc(p.conns, func(a, b *countedConn) int { return cmp.Compare(a.running.Load(), b.running.Load()) })
	c.running.Add(1)
	return balancer.PickResult{SubConn: c.conn, Done: func(balancer.DoneInfo) { c.running.Add(-1) }}, nil
}

func init() { // balancer.Register may only be called then
	balancer.Register(base.NewBalancerBuilder("fewest_rpcs", fewestRPCs{}, base.Config{HealthCheck: true}))
}

// Was: an own grpc.Balancer for grpc.WithBalancer, or a policy for the draft of package
// balancer. Any resolver goes with it.
func Example_modernBalancer() {
	s := server()
	defer s.Stop()

	conn, err := grpc.NewClient("dns:///"+s.Addr(),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig": [{"fewest_rpcs": {}}]}`))
	fmt.Println(answers(s, conn, err))
	// Output: true
}
