package balancer_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// seen are the states of SubConns, in their order.
type seen struct {
	mu     sync.Mutex
	states []string
}

func (l *seen) add(state connectivity.State) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.states = append(l.states, state.String())
}

// take waits for n states and forgets them.
func (l *seen) take(s *stage, n int) string {
	s.Helper()
	s.wait(fmt.Sprintf("there are %d states", n), func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		return len(l.states) >= n
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := strings.Join(l.states[:n], " ")
	l.states = l.states[n:]
	return taken
}

// until waits for a state and forgets those before.
func (l *seen) until(s *stage, state connectivity.State) {
	s.Helper()
	for l.take(s, 1) != state.String() {
	}
}

func TestScenarioSubConnStates(t *testing.T) {
	s := newStage(t)
	p := s.newPolicy()
	states, subConns := &seen{}, make(chan balancer.SubConn, 100)
	p.changed = func(_ *policy, sc balancer.SubConn, state connectivity.State) {
		states.add(state)
		if state == connectivity.Ready {
			subConns <- sc
		}
	}
	c := s.dial(p.name)
	c.resolve("A")
	s.say("connects: %s", states.take(s, 2))
	a := s.servers["A"]
	a.Stop()
	s.say("the server stops: %s", states.take(s, 4))
	s.serve("A", a.addr)
	states.until(s, connectivity.Ready)
	s.say("it is there again: READY")
	sc := <-subConns
	p.cc.RemoveSubConn(sc)
	s.say("RemoveSubConn: %s", states.take(s, 1))
	p.cc.RemoveSubConn(sc)
	sc.Connect()
	c.Close()
	s.say("RemoveSubConn and Connect again, Close: %d more", len(states.states))
}

func TestScenarioLazySubConn(t *testing.T) {
	s := newStage(t)
	for what, update := range []func(balancer.ClientConn, connectivity.State, balancer.SubConn){
		func(cc balancer.ClientConn, state connectivity.State, sc balancer.SubConn) {
			cc.UpdateBalancerState(state, always(sc))
		},
		func(cc balancer.ClientConn, state connectivity.State, sc balancer.SubConn) {
			cc.UpdateState(balancer.State{ConnectivityState: state, Picker: v2PickFunc(func(balancer.PickInfo) (balancer.PickResult, error) {
				return balancer.PickResult{SubConn: sc}, nil
			})})
		},
	} {
		update := update
		p := s.newPolicy()
		states := &seen{}
		p.resolved = func(p *policy, addrs []resolver.Address) {
			sc, err := p.cc.NewSubConn(addrs, balancer.NewSubConnOptions{})
			if err != nil {
				s.Errorf("NewSubConn: %v", err)
				return
			}
			update(p.cc, connectivity.Idle, sc)
		}
		p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
			states.add(state)
			update(p.cc, state, sc)
		}
		c := s.dial(p.name)
		c.resolve("A")
		c.sayCall(fmt.Sprintf("Picker %d: the first RPC", what+1))
		s.say("states: %s", states.take(s, 2))
	}
}

func TestScenarioUpdateAddresses(t *testing.T) {
	s := newStage(t)
	p := s.newPolicy()
	states, subConns := &seen{}, make(chan balancer.SubConn, 100)
	p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
		states.add(state)
		subConns <- sc
		p.cc.UpdateBalancerState(state, always(sc))
	}
	c := s.dial(p.name)
	c.resolve("A")
	states.take(s, 2)
	c.sayCall("before")
	sc := <-subConns
	sc.UpdateAddresses(s.addr("A", "B"))
	c.sayCall("UpdateAddresses with that server among them")
	sc.UpdateAddresses(s.addr("B"))
	states.until(s, connectivity.Ready)
	c.sayCall("UpdateAddresses with another")
}
