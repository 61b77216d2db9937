package balancer_test

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// endpoints is a Balancer with the habits of etcd's clientv3 3.3: one lock for everything,
// which it holds when it calls the ClientConn; states counted by itself; an error picker
// while nothing is connected.
type endpoints struct {
	name string

	mu       sync.RWMutex
	cc       balancer.ClientConn
	subConns map[resolver.Address]balancer.SubConn
	states   map[balancer.SubConn]connectivity.State
	counts   map[connectivity.State]int
	picker   balancer.Picker
}

func (e *endpoints) Name() string { return e.name }

func (e *endpoints) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.cc = cc
	e.subConns = make(map[resolver.Address]balancer.SubConn)
	e.states = make(map[balancer.SubConn]connectivity.State)
	e.counts = make(map[connectivity.State]int)
	e.picker = failing{balancer.ErrNoSubConnAvailable}
	return e
}

type failing struct{ err error }

func (f failing) Pick(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
	return nil, nil, f.err
}

func (e *endpoints) HandleResolvedAddrs(addrs []resolver.Address, err error) {
	if err != nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	resolved := make(map[resolver.Address]bool)
	for _, a := range addrs {
		resolved[a] = true
		if e.subConns[a] == nil {
			sc, err := e.cc.NewSubConn([]resolver.Address{a}, balancer.NewSubConnOptions{})
			if err != nil {
				continue
			}
			e.subConns[a] = sc
			e.states[sc] = connectivity.Idle
			sc.Connect()
		}
	}
	for a, sc := range e.subConns {
		if !resolved[a] {
			e.cc.RemoveSubConn(sc)
			delete(e.subConns, a)
		}
	}
}

func (e *endpoints) HandleSubConnStateChange(sc balancer.SubConn, state connectivity.State) {
	e.mu.Lock()
	defer e.mu.Unlock()
	old, ok := e.states[sc]
	if !ok {
		return
	}
	before := e.aggregated()
	e.states[sc] = state
	e.counts[old]--
	e.counts[state]++
	switch state {
	case connectivity.Idle:
		sc.Connect()
	case connectivity.Shutdown:
		delete(e.states, sc)
	}
	after := e.aggregated()
	failed := after == connectivity.TransientFailure
	if (old == connectivity.Ready) != (state == connectivity.Ready) || failed != (before == connectivity.TransientFailure) {
		e.picker = failing{balancer.ErrTransientFailure}
		if !failed {
			rr := &rrPicker{}
			for _, sc := range e.subConns {
				if e.states[sc] == connectivity.Ready {
					rr.subConns = append(rr.subConns, sc)
				}
			}
			e.picker = rr
			if len(rr.subConns) == 0 {
				e.picker = failing{balancer.ErrNoSubConnAvailable}
			}
		}
	}
	e.cc.UpdateBalancerState(after, e.picker)
}

func (e *endpoints) aggregated() connectivity.State {
	switch {
	case e.counts[connectivity.Ready] > 0:
		return connectivity.Ready
	case e.counts[connectivity.Connecting] > 0:
		return connectivity.Connecting
	}
	return connectivity.TransientFailure
}

func (e *endpoints) Close() {}

func TestScenarioEtcd(t *testing.T) {
	s := newStage(t)
	e := &endpoints{name: name()}
	balancer.Register(e)
	c := s.dial(e.name)
	c.resolve("A", "B", "C")
	c.answeredBy("A", "B", "C")
	s.say("of 30 RPCs: %s", c.count(30))
	b := s.servers["B"]
	b.Stop()
	c.answeredBy("A", "C")
	s.say("of 30 RPCs while B is down: %s", c.count(30))
	s.serve("B", b.addr)
	c.answeredBy("A", "B", "C")
	c.resolve("B")
	c.answeredBy("B")
	s.say("of 30 RPCs: %s", c.count(30))
	s.servers["B"].Stop()
	// This aggregate goes from TRANSIENT_FAILURE to CONNECTING and back.
	s.wait("a fail-fast RPC fails", func() bool { _, err := c.call(); return err != nil })
	s.serve("B", b.addr)
	c.answeredBy("B")
}
