package balancer

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/internal/contain"
)

// bridge is an old Builder in the registry of today's grpc.
type bridge struct {
	name string
	old  Builder
}

func (b bridge) Name() string { return b.name }

// latest is the ClientConn of the bridge that was built last.
var latest atomic.Pointer[balancer.ClientConn]

func (b bridge) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	latest.Store(&cc)
	p := &policy{cc: &clientConn{today: cc, subConns: make(map[SubConn]*subConn)}}
	p.cc.tell = p.tell
	err := contain.Call(b.old, "Build", func() error {
		p.old = b.old.Build(p.cc, oldOptions(cc, opts))
		if p.old == nil {
			return fmt.Errorf("the builder of the LB policy %q has built nothing", b.name)
		}
		return nil
	})
	if err != nil {
		p.cc.close()
		return failed{cc, err}
	}
	p.v2, _ = p.old.(V2Balancer)
	return p
}

func oldOptions(cc balancer.ClientConn, opts balancer.BuildOptions) BuildOptions {
	return BuildOptions{
		DialCreds:       opts.DialCreds,
		CredsBundle:     opts.CredsBundle,
		Dialer:          opts.Dialer,
		Target:          opts.Target,
		Authority:       opts.Authority,
		ChannelzParent:  opts.ChannelzParent,
		CustomUserAgent: opts.CustomUserAgent,
		cc:              cc,
	}
}

// policy is an old Balancer that today's grpc takes for one of its own. Its methods
// are called by grpc one at a time.
type policy struct {
	cc    *clientConn
	old   Balancer
	v2    V2Balancer // the same, or nil
	known map[string][]resolver.Address
}

func (p *policy) UpdateClientConnState(s balancer.ClientConnState) error {
	s.ResolverState.Addresses = p.addresses(s.ResolverState)
	if p.v2 != nil {
		return contain.Call(p.v2, "UpdateClientConnState", func() error { return p.v2.UpdateClientConnState(s) })
	}
	return contain.Call(p.old, "HandleResolvedAddrs", func() error {
		p.old.HandleResolvedAddrs(s.ResolverState.Addresses, nil)
		return nil
	})
}

// addresses returns those of s. Old Balancers tell them apart with ==, and with it
// attributes by their pointers. Today's grpc makes new ones for each update, behind
// a proxy for one: equal attributes become those of the update before.
func (p *policy) addresses(s resolver.State) []resolver.Address {
	list := slices.Clone(s.Addresses)
	if len(list) == 0 {
		for _, e := range s.Endpoints {
			list = append(list, e.Addresses...)
		}
	}
	known := make(map[string][]resolver.Address)
	for i := range list {
		a := &list[i]
		if a.Attributes == nil && a.BalancerAttributes == nil {
			continue
		}
		for _, k := range p.known[a.Addr] {
			a.Attributes = same(a.Attributes, k.Attributes)
			a.BalancerAttributes = same(a.BalancerAttributes, k.BalancerAttributes)
		}
		known[a.Addr] = append(known[a.Addr], *a)
	}
	p.known = known
	return list
}

// same returns before if it is equal to a. Values that cannot be compared are not.
func same(a, before *attributes.Attributes) (attrs *attributes.Attributes) {
	defer func() {
		if recover() != nil {
			attrs = a
		}
	}()
	if a.Equal(before) {
		return before
	}
	return a
}

func (p *policy) ResolverError(err error) {
	if p.v2 != nil {
		_ = contain.Call(p.v2, "ResolverError", func() error { p.v2.ResolverError(err); return nil })
	}
}

func (p *policy) tell(sc SubConn, s SubConnState) {
	if p.v2 != nil {
		_ = contain.Call(p.v2, "UpdateSubConnState", func() error { p.v2.UpdateSubConnState(sc, s); return nil })
		return
	}
	_ = contain.Call(p.old, "HandleSubConnStateChange", func() error {
		p.old.HandleSubConnStateChange(sc, s.ConnectivityState)
		return nil
	})
}

func (p *policy) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {
	contain.Logger.Errorf("UpdateSubConnState called in spite of a StateListener")
}

// ExitIdle does nothing: SubConns connect by themselves.
func (p *policy) ExitIdle() {}

func (p *policy) Close() {
	_ = contain.Call(p.old, "Close", func() error { p.old.Close(); return nil })
	p.cc.close()
}

// failed stands for a Balancer that could not be built: RPCs say why.
type failed struct {
	cc  balancer.ClientConn
	err error
}

func (f failed) UpdateClientConnState(balancer.ClientConnState) error {
	f.cc.UpdateState(balancer.State{
		ConnectivityState: connectivity.TransientFailure,
		Picker:            base.NewErrPicker(errors.New(f.err.Error())),
	})
	return nil
}

func (failed) ResolverError(error)                                        {}
func (failed) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}
func (failed) ExitIdle()                                                  {}
func (failed) Close()                                                     {}
