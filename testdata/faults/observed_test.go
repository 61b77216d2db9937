package faults

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/stats"

	"github.com/grpcnaming/grpcnaming/adapter"
)

// observedBalancer stands between a Balancer and gRPC, and tells its observer of the
// sets on the way. From Up it sees what gRPC makes of them.
type observedBalancer struct {
	adapter.Balancer
	*observer
	closed chan struct{}
	close  sync.Once
}

func observeBalancer(b adapter.Balancer, o *observer) *observedBalancer {
	return &observedBalancer{Balancer: b, observer: o, closed: make(chan struct{})}
}

// Notify is what gRPC reads. The goroutine that passes on ends with Close.
func (b *observedBalancer) Notify() <-chan []adapter.Address {
	in, out := b.Balancer.Notify(), make(chan []adapter.Address)
	go func() {
		defer close(out)
		for list := range in {
			set := make([]string, len(list))
			for i, a := range list {
				set[i] = a.Addr
			}
			b.hand(set)
			select {
			case out <- list:
			case <-b.closed:
				return
			}
		}
	}()
	return out
}

// Up is what gRPC says of an address that it has connected.
func (b *observedBalancer) Up(a adapter.Address) func(error) {
	down := b.Balancer.Up(a)
	if b.connected(a.Addr) > 1 {
		b.mu.Lock()
		b.complain("%s is up twice", a.Addr)
		b.mu.Unlock()
	}
	return func(err error) {
		if down != nil {
			down(err)
		}
		b.gone(a.Addr)
	}
}

func (b *observedBalancer) Close() error {
	err := b.Balancer.Close()
	b.close.Do(func() { close(b.closed) })
	return err
}

// observedBuilder stands between a resolver.Builder and gRPC. Its balancer is grpc's
// own, and has no Up: as a stats.Handler it is told of connections. Two to one address
// are no fault here, as the old one may have an RPC to end when a new one begins.
type observedBuilder struct {
	resolver.Builder
	*observer
}

func (b observedBuilder) Build(target resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	return b.Builder.Build(target, observedConn{cc, b.observer}, opts)
}

type observedConn struct {
	resolver.ClientConn
	*observer
}

func (c observedConn) UpdateState(s resolver.State) error {
	var set, flat []string
	for _, e := range s.Endpoints { // what round_robin reads
		for _, a := range e.Addresses {
			set = append(set, a.Addr)
		}
	}
	for _, a := range s.Addresses { // what older policies do
		flat = append(flat, a.Addr)
	}
	if !slices.Equal(set, flat) {
		c.mu.Lock()
		c.complain("addresses %v, endpoints %v", flat, set)
		c.mu.Unlock()
	}
	c.hand(set)
	return c.ClientConn.UpdateState(s)
}

// remote is the key of a connection's address in its context.
type remote struct{}

func (observedBuilder) TagConn(ctx context.Context, info *stats.ConnTagInfo) context.Context {
	return context.WithValue(ctx, remote{}, info.RemoteAddr.String())
}

func (b observedBuilder) HandleConn(ctx context.Context, s stats.ConnStats) {
	addr := ctx.Value(remote{}).(string)
	switch s.(type) {
	case *stats.ConnBegin:
		b.connected(addr)
	case *stats.ConnEnd:
		b.gone(addr)
	}
}

func (observedBuilder) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }

func (observedBuilder) HandleRPC(context.Context, stats.RPCStats) {}
