package balancer_test

import (
	"context"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// policy is an old Balancer of functions. It keeps one SubConn for all addresses.
type policy struct {
	name     string
	s        *stage
	cc       balancer.ClientConn
	opts     balancer.BuildOptions
	resolved func(*policy, []resolver.Address)
	changed  func(*policy, balancer.SubConn, connectivity.State)
	closed   func()
	built    chan *policy
}

func (s *stage) newPolicy() *policy {
	p := &policy{name: name(), s: s, built: make(chan *policy, 1)}
	p.resolved = func(p *policy, addrs []resolver.Address) {
		sc, err := p.cc.NewSubConn(addrs, balancer.NewSubConnOptions{})
		if err != nil {
			s.Errorf("NewSubConn: %v", err)
			return
		}
		sc.Connect()
	}
	balancer.Register(p)
	return p
}

func (p *policy) Name() string { return p.name }
func (p *policy) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	p.cc, p.opts = cc, opts
	p.built <- p
	return p
}
func (p *policy) HandleResolvedAddrs(addrs []resolver.Address, err error) {
	if err != nil {
		p.s.say("HandleResolvedAddrs: error %v", err)
		return
	}
	p.resolved(p, addrs)
}
func (p *policy) HandleSubConnStateChange(sc balancer.SubConn, state connectivity.State) {
	if p.changed != nil {
		p.changed(p, sc, state)
	}
}
func (p *policy) Close() {
	if p.closed != nil {
		p.closed()
	}
}

type pickFunc func(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error)

func (f pickFunc) Pick(ctx context.Context, o balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
	return f(ctx, o)
}

type v2PickFunc func(balancer.PickInfo) (balancer.PickResult, error)

func (f v2PickFunc) Pick(i balancer.PickInfo) (balancer.PickResult, error) { return f(i) }

func always(sc balancer.SubConn) balancer.Picker {
	return pickFunc(func(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
		return sc, nil, nil
	})
}
