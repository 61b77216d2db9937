package adapter

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// policyName is the LB policy that WithBalancer puts into the service config.
// It means nothing without the bridge's attributes.
const policyName = "grpcnaming_v1_balancer"

func init() { balancer.Register(policyBuilder{}) }

type policyBuilder struct{}

func (policyBuilder) Name() string { return policyName }

func (policyBuilder) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	return &policy{cc: cc, conns: make(map[string][]*conn), up: &balancer.ConnectivityStateEvaluator{}}
}

// policy is the LB-policy half of WithBalancer. It keeps a SubConn for each
// address that the v1 Balancer names, tells it which are up, and asks it for
// each RPC. Its methods and the SubConns' listeners are called by grpc one at a
// time; only the picker and the timer run beside them.
type policy struct {
	cc     balancer.ClientConn
	bridge *bridge
	conns  map[string][]*conn // by Addr
	up     *balancer.ConnectivityStateEvaluator
	picker balancer.Picker

	mu      sync.Mutex // guards what follows and keeps States in order; taken without any other lock
	last    balancer.State
	refresh *time.Timer // non-nil while a refused pick waits for it
	closed  bool
}

// conn is one address with its SubConn.
type conn struct {
	v1      Address
	address resolver.Address // v1.Addr, or the proxy on the way to it
	subConn balancer.SubConn
	down    func(error) // what Up returned; nil unless Ready
	state   atomic.Uint32
	err     atomic.Pointer[error] // why it is in TransientFailure
}

var errConnClosing = errors.New("grpc: the connection is closing")

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
	if len(v1.addresses) != len(s.ResolverState.Addresses) {
		p.ResolverError(fmt.Errorf("adapter: %d addresses became %d on the way through grpc", len(v1.addresses), len(s.ResolverState.Addresses)))
		return nil
	}

	old := p.conns
	p.conns = make(map[string][]*conn, len(v1.addresses))
	for i, a := range v1.addresses {
		if find(p.conns, a) != nil {
			continue // named twice
		}
		c := find(old, a)
		if c == nil || !c.address.Equal(s.ResolverState.Addresses[i]) {
			if c = p.connect(a, s.ResolverState.Addresses[i]); c == nil {
				continue
			}
		}
		p.conns[a.Addr] = append(p.conns[a.Addr], c)
	}
	for _, same := range old {
		for _, c := range same {
			if find(p.conns, c.v1) != c {
				p.remove(c)
			}
		}
	}
	p.picker = &picker{policy: p, bridge: p.bridge, conns: p.conns}
	p.send()
	return nil
}

// find returns the conn of a, or nil.
func find(conns map[string][]*conn, a Address) *conn {
	for _, c := range conns[a.Addr] {
		if sameMetadata(c.v1.Metadata, a.Metadata) {
			return c
		}
	}
	return nil
}

func (p *policy) connect(a Address, ra resolver.Address) *conn {
	c := &conn{v1: a, address: ra}
	sc, err := p.cc.NewSubConn([]resolver.Address{ra}, balancer.NewSubConnOptions{
		StateListener: func(s balancer.SubConnState) { p.changed(c, s) },
	})
	if err != nil { // the ClientConn is closing
		logger.Warningf("no connection to %q: %v", a.Addr, err)
		return nil
	}
	c.subConn = sc
	c.state.Store(uint32(connectivity.Idle))
	p.up.RecordTransition(connectivity.Shutdown, connectivity.Idle)
	sc.Connect()
	return c
}

// remove ends c gracefully: RPCs on it are allowed to finish.
func (p *policy) remove(c *conn) {
	p.enter(c, connectivity.Shutdown)
	c.subConn.Shutdown()
}

// changed is the StateListener of c.
func (p *policy) changed(c *conn, s balancer.SubConnState) {
	if connectivity.State(c.state.Load()) == connectivity.Shutdown {
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
		_ = p.bridge.call("Up", func() error { c.down = p.bridge.balancer.Up(c.v1); return nil })
	case s != connectivity.Ready && was == connectivity.Ready:
		if down := c.down; down != nil {
			c.down = nil
			_ = p.bridge.call("Up's function", func() error { down(errConnClosing); return nil })
		}
	}
}

// ResolverError takes errors of grpc's own and of the bridge. As long as there
// are addresses, they stay.
func (p *policy) ResolverError(err error) {
	if len(p.conns) > 0 {
		logger.Warningf("%v; the last addresses stay", err)
		return
	}
	p.picker = base.NewErrPicker(err)
	p.send()
}

// send gives grpc the picker, and thereby another try to the RPCs that wait.
func (p *policy) send() {
	state := connectivity.TransientFailure // without addresses
	if len(p.conns) > 0 {
		state = p.up.CurrentState()
	}
	if state == connectivity.Idle {
		state = connectivity.Connecting // Connect has been called
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = balancer.State{ConnectivityState: state, Picker: p.picker}
	if !p.closed {
		p.cc.UpdateState(p.last)
	}
}

// refreshTime is how long an RPC waits at most before the v1 Balancer is asked
// again.
const refreshTime = 100 * time.Millisecond

// refused is called by a pick that came to nothing. Grpc asks again only when
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
	logger.Errorf("UpdateSubConnState called in spite of a StateListener")
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
