package adapter

// The LB-policy half of WithBalancer. It owns the connections. Grpc calls it and the
// listeners of its SubConns, one at a time; policy.mu guards what the picker and the
// timer share with it.

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/contain"
)

// policyName is the LB policy that WithBalancer puts into the service config.
// It means nothing without the bridge's attributes.
const policyName = "grpcnaming_v1_balancer"

func init() { balancer.Register(policyBuilder{}) }

type policyBuilder struct{}

func (policyBuilder) Name() string { return policyName }

func (policyBuilder) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	return &policy{cc: cc, routes: routes{byAddr: make(map[string][]route)}, up: &balancer.ConnectivityStateEvaluator{}}
}

// policy keeps a SubConn for each address that the v1 Balancer names, tells it
// which are up, and asks it for each RPC.
type policy struct {
	cc     balancer.ClientConn
	bridge *bridge
	list   []*conn // each address once
	routes routes  // to the same conns
	up     *balancer.ConnectivityStateEvaluator
	round  uint64 // counts States
	err    error  // instead of addresses

	mu      sync.Mutex // guards what follows and keeps States in order; taken without any other lock
	last    balancer.State
	refresh *time.Timer // non-nil while a refused pick waits for it
	closed  bool
}

func (p *policy) UpdateClientConnState(s balancer.ClientConnState) error {
	v1, ok := s.ResolverState.Attributes.Value(v1StateKey{}).(*v1State)
	if !ok {
		p.ResolverError(fmt.Errorf("the LB policy %q works only with adapter.WithBalancer", policyName))
		return nil
	}
	p.bridge = v1.bridge
	if v1.err != nil {
		p.ResolverError(v1.err)
		return nil
	}
	dialled := s.ResolverState.Addresses
	if len(v1.addresses) != len(dialled) {
		p.ResolverError(fmt.Errorf("adapter: %d addresses became %d on the way through grpc", len(v1.addresses), len(dialled)))
		return nil
	}
	p.err = nil
	p.reconcile(v1.addresses, dialled)
	p.send()
	return nil
}

// reconcile makes the conns those of the addresses, each named once: it keeps
// those that it has, connects what is new, and removes the rest.
func (p *policy) reconcile(v1 []Address, dialled []resolver.Address) {
	p.round++
	next := 0 // in list, if that has the order of v1, as nearly always
	for i, a := range v1 {
		c := p.find(a, &next)
		switch {
		case c == nil:
			p.connect(a, dialled[i])
		case c.round == p.round: // named twice
		case c.address.Equal(dialled[i]):
			c.round = p.round
			p.rename(c, a)
		default: // by way of another proxy; the former conn goes below
			p.routes.remove(c)
			p.connect(a, dialled[i])
		}
	}
	p.list = slices.DeleteFunc(p.list, func(c *conn) bool {
		gone := c.round != p.round
		if gone {
			p.remove(c)
		}
		return gone
	})
}

// find returns the conn of a, or nil. It looks at list first: from one State to the
// other most addresses keep their order, and a map of a thousand takes longer.
func (p *policy) find(a Address, next *int) *conn {
	for n := *next; n < min(*next+2, len(p.list)); n++ { // one may have been removed
		if c := p.list[n]; c.v1.Addr == a.Addr && addrset.Same(c.v1.Metadata, a.Metadata) {
			*next = n + 1
			return c
		}
	}
	return p.routes.find(a)
}

func (p *policy) connect(a Address, ra resolver.Address) {
	c := &conn{v1: a, address: ra, round: p.round}
	sc, err := p.cc.NewSubConn([]resolver.Address{ra}, balancer.NewSubConnOptions{
		StateListener: func(s balancer.SubConnState) { p.changed(c, s) },
	})
	if err != nil { // the ClientConn is closing: no news, and for each of many addresses
		contain.Logger.Infof("no connection to %q: %v", a.Addr, err)
		return
	}
	c.subConn = sc
	c.state.Store(uint32(connectivity.Idle))
	p.up.RecordTransition(connectivity.Shutdown, connectivity.Idle)
	p.routes.add(c)
	p.list = append(p.list, c)
	sc.Connect()
}

// rename keeps c for an address that the Balancer names with another pointer to
// equal Metadata. A Balancer that knows its addresses by == is told that one is
// down and the other up; in v1.29.1 that came with another connection.
func (p *policy) rename(c *conn, a Address) {
	if addrset.Identical(c.v1.Metadata, a.Metadata) {
		return
	}
	ready := c.is(connectivity.Ready)
	if ready {
		p.bridge.down(c)
	}
	p.routes.remove(c)
	c.v1 = a
	p.routes.add(c)
	if ready {
		p.bridge.up(c)
	}
}

// remove ends c gracefully: RPCs on it are allowed to finish.
func (p *policy) remove(c *conn) {
	p.routes.remove(c)
	p.enter(c, connectivity.Shutdown)
	c.subConn.Shutdown()
}

// changed is the StateListener of c.
func (p *policy) changed(c *conn, s balancer.SubConnState) {
	if c.is(connectivity.Shutdown) {
		return // removed before
	}
	if s.ConnectivityState == connectivity.TransientFailure {
		c.err.Store(&s.ConnectionError)
	}
	p.enter(c, s.ConnectivityState)
	if s.ConnectivityState == connectivity.Idle {
		c.subConn.Connect() // v1 balancers want every address connected, always
	}
	p.send()
}

// enter moves c to the state s and tells the v1 Balancer if that is up or down.
func (p *policy) enter(c *conn, s connectivity.State) {
	was := connectivity.State(c.state.Swap(uint32(s)))
	p.up.RecordTransition(was, s)
	switch {
	case s == connectivity.Ready && was != connectivity.Ready:
		p.bridge.up(c)
	case s != connectivity.Ready && was == connectivity.Ready:
		p.bridge.down(c)
	}
}

// ResolverError takes errors of grpc's own and of the bridge. As long as there
// are addresses, they stay. RPCs get Unavailable and not the status that err may have,
// and those that wait for ready wait.
func (p *policy) ResolverError(err error) {
	if len(p.list) > 0 {
		contain.Logger.Warningf("%v; the last addresses stay", err)
		return
	}
	p.err = errors.New(err.Error())
	p.send()
}

func (p *policy) picker() balancer.Picker {
	if p.err != nil {
		return base.NewErrPicker(p.err)
	}
	return &picker{bridge: p.bridge, routes: &p.routes, refused: p.refused}
}

// send gives grpc a picker, and thereby another try to the RPCs that wait.
func (p *policy) send() {
	state := connectivity.TransientFailure // without addresses
	if len(p.list) > 0 {
		state = p.up.CurrentState()
	}
	if state == connectivity.Idle {
		state = connectivity.Connecting // Connect has been called
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = balancer.State{ConnectivityState: state, Picker: p.picker()}
	if !p.closed {
		p.cc.UpdateState(p.last)
	}
}

// refreshTime is how long an RPC waits at most before the v1 Balancer is asked
// again.
const refreshTime = 100 * time.Millisecond

// refused is called by a pick that found no connection. Grpc asks again only when
// there is a new picker, but a v1 Balancer may change its mind on its own: it
// would have blocked in Get until then.
func (p *policy) refused() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || p.refresh != nil {
		return
	}
	p.refresh = time.AfterFunc(refreshTime, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.refresh = nil
		if !p.closed {
			p.cc.UpdateState(p.last)
		}
	})
}

func (p *policy) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {
	contain.Logger.Errorf("UpdateSubConnState called in spite of a StateListener")
}

// ExitIdle does nothing: every SubConn is connected as soon as it is idle.
func (p *policy) ExitIdle() {}

// Close stops the timer; grpc shuts down the SubConns.
func (p *policy) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	if p.refresh != nil {
		p.refresh.Stop()
	}
}
