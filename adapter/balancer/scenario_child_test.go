package balancer_test

import (
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// parent has another policy as a child, which it shows only some servers, and looks
// at what goes through it.
type parent struct {
	balancer.ClientConn
	*policy
	childName string
	hidden    string // an address that the child does not see
	child     balancer.Balancer
	mu        sync.Mutex
	subConns  map[balancer.SubConn]bool
	removed   int
	states    []string
}

func (p *parent) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	p.ClientConn = cc
	p.subConns = make(map[balancer.SubConn]bool)
	p.child = balancer.Get(p.childName).Build(p, balancer.BuildOptions{})
	return p
}
func (p *parent) NewSubConn(a []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	sc, err := p.ClientConn.NewSubConn(a, o)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subConns[sc] = true
	return sc, err
}
func (p *parent) RemoveSubConn(sc balancer.SubConn) {
	p.mu.Lock()
	p.removed++
	p.mu.Unlock()
	p.ClientConn.RemoveSubConn(sc)
}
func (p *parent) UpdateState(s balancer.State) {
	p.mu.Lock()
	if n := len(p.states); n == 0 || p.states[n-1] != s.ConnectivityState.String() {
		p.states = append(p.states, s.ConnectivityState.String())
	}
	p.mu.Unlock()
	inner := s.Picker
	s.Picker = v2PickFunc(func(info balancer.PickInfo) (balancer.PickResult, error) {
		r, err := inner.Pick(info)
		p.mu.Lock()
		defer p.mu.Unlock()
		if err == nil && !p.subConns[r.SubConn] {
			p.s.Errorf("a SubConn that did not come through the parent")
		}
		if err != nil && err != balancer.ErrNoSubConnAvailable {
			t, ok := err.(interface{ IsTransientFailure() bool })
			if !ok || !t.IsTransientFailure() {
				p.s.Errorf("the child's picker returns %T", err)
			}
		}
		return r, err
	})
	p.ClientConn.UpdateState(s)
}
func (p *parent) HandleResolvedAddrs(addrs []resolver.Address, err error) {
	var left []resolver.Address
	for _, a := range addrs {
		if a.Addr != p.hidden {
			left = append(left, a)
		}
	}
	if err := p.child.(balancer.V2Balancer).UpdateClientConnState(balancer.ClientConnState{ResolverState: resolver.State{Addresses: left}}); err != nil {
		p.s.say("the child returns %v", err)
	}
}
func (p *parent) HandleSubConnStateChange(sc balancer.SubConn, state connectivity.State) {
	if !p.subConns[sc] {
		p.s.Errorf("the state of a SubConn that did not come through the parent")
	}
	p.child.(balancer.V2Balancer).UpdateSubConnState(sc, balancer.SubConnState{ConnectivityState: state})
}
func (p *parent) Close() { p.child.Close() }

func TestScenarioChildRoundRobin(t *testing.T) {
	s := newStage(t)
	p := &parent{policy: s.newPolicy(), childName: strings.ToUpper(roundrobin.Name), hidden: s.servers["C"].addr}
	balancer.Register(p)
	c := s.dial(p.name)
	c.resolve("A", "B", "C")
	c.answeredBy("A", "B")
	s.say("of 30 RPCs: %s", c.count(30))
	c.resolve("A", "C")
	c.answeredBy("A")
	s.wait("the parent removes", func() bool { p.mu.Lock(); defer p.mu.Unlock(); return p.removed > 0 })
	a := s.servers["A"]
	a.Stop()
	s.wait("the ClientConn is in TRANSIENT_FAILURE", func() bool { return c.GetState() == connectivity.TransientFailure })
	_, err := c.call()
	s.say("no server: %v", status.Code(err))
	s.serve("A", a.addr)
	c.answeredBy("A")
	c.resolve()
	s.wait("the ClientConn is in TRANSIENT_FAILURE", func() bool { return c.GetState() == connectivity.TransientFailure })
	_, err = c.call()
	s.say("no address: %v", status.Code(err))
}

func TestScenarioRenamedRoundRobin(t *testing.T) {
	s := newStage(t)
	n := name()
	balancer.Register(rename{balancer.Get(roundrobin.Name), n})
	c := s.dial(n)
	c.resolve("A", "B")
	c.answeredBy("A", "B")
	s.say("of 30 RPCs: %s", c.count(30))
}

// rename is a Builder under another name.
type rename struct {
	balancer.Builder
	name string
}

func (r rename) Name() string { return r.name }

func TestScenarioChildPickFirst(t *testing.T) {
	s := newStage(t)
	p := &parent{policy: s.newPolicy(), childName: "pick_first"}
	balancer.Register(p)
	c := s.dial(p.name)
	c.resolve("A", "B")
	c.answeredBy("A")
	a := s.servers["A"]
	a.Stop()
	c.answeredBy("B")
	s.serve("A", a.addr)
	s.servers["B"].Stop()
	s.wait("it connects without an RPC", func() bool { return c.GetState() == connectivity.Ready })
	c.answeredBy("A")
	p.mu.Lock()
	defer p.mu.Unlock()
	ready := false
	for _, state := range p.states {
		ready = ready || state == "READY"
		if ready && state == "IDLE" {
			s.say("the child was IDLE")
		}
	}
}
