package balancer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

func TestScenarioOrderOfCalls(t *testing.T) {
	s := newStage(t)
	p := s.newPolicy()
	ready, closed := make(chan balancer.SubConn, 1), make(chan bool, 1)
	p.resolved = func(p *policy, addrs []resolver.Address) {
		s.say("HandleResolvedAddrs: %d", len(addrs))
		if len(addrs) == 0 {
			return
		}
		sc, err := p.cc.NewSubConn(addrs, balancer.NewSubConnOptions{})
		if err != nil {
			s.Errorf("NewSubConn: %v", err)
			return
		}
		sc.Connect()
	}
	p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
		s.say("HandleSubConnStateChange: %v", state)
		if state == connectivity.Ready {
			ready <- sc
		}
	}
	p.closed = func() { s.say("Close"); closed <- true }
	c := s.dial(p.name)
	c.resolve("A")
	sc := <-ready
	s.say("built, Target is the ClientConn's: %v", (<-p.built).cc.Target() == c.Target())
	c.resolve()
	c.resolver.ReportError(errors.New("mine"))
	_, err := p.cc.NewSubConn(nil, balancer.NewSubConnOptions{})
	s.say("NewSubConn without addresses fails: %v", err != nil)
	s.say("state before UpdateBalancerState is READY: %v", c.GetState() == connectivity.Ready)
	p.cc.UpdateBalancerState(connectivity.Ready, always(sc))
	s.say("state after: %v", c.GetState())
	c.sayCall("RPC")
	c.Close()
	<-closed
	s.say("after Close")
	s.wait("NewSubConn fails", func() bool {
		_, err := p.cc.NewSubConn(s.addr("A"), balancer.NewSubConnOptions{})
		return err != nil
	})
	s.say("NewSubConn fails: true")
	p.cc.RemoveSubConn(sc)
	p.cc.UpdateBalancerState(connectivity.Ready, always(sc))
	p.cc.ResolveNow(resolver.ResolveNowOptions{})
	c.sayCall("RPC")
}

// both is a V2Balancer too.
type both struct {
	*policy
	states *seen
}

func (b both) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	b.policy.Build(cc, opts)
	return b
}
func (b both) UpdateClientConnState(ccs balancer.ClientConnState) error {
	b.s.say("UpdateClientConnState: %d addresses, config %v", len(ccs.ResolverState.Addresses), ccs.BalancerConfig)
	b.resolved(b.policy, ccs.ResolverState.Addresses)
	return nil
}
func (b both) ResolverError(err error) { b.s.say("ResolverError: %v", err) }
func (b both) UpdateSubConnState(_ balancer.SubConn, s balancer.SubConnState) {
	if (s.ConnectionError != nil) != (s.ConnectivityState == connectivity.TransientFailure) {
		b.s.say("UpdateSubConnState: %v with error %v", s.ConnectivityState, s.ConnectionError)
	}
	b.states.add(s.ConnectivityState)
}
func (b both) HandleResolvedAddrs([]resolver.Address, error) { b.s.say("HandleResolvedAddrs") }
func (b both) HandleSubConnStateChange(balancer.SubConn, connectivity.State) {
	b.s.say("HandleSubConnStateChange")
}

func TestScenarioBothBalancers(t *testing.T) {
	s := newStage(t)
	b := both{s.newPolicy(), &seen{}}
	balancer.Register(b)
	c := s.dial(b.name)
	c.resolve("A")
	s.say("states: %s", b.states.take(s, 2))
	c.resolver.ReportError(errors.New("mine"))
	s.wait("ResolverError is called", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return strings.HasPrefix(s.lines[len(s.lines)-1], "ResolverError")
	})
	s.servers["A"].Stop()
	s.say("the server stops: %s", b.states.take(s, 4))
}

func TestScenarioDoneInfo(t *testing.T) {
	s := newStage(t)
	p := s.newPolicy()
	dones := make(chan balancer.DoneInfo, 10)
	p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
		p.cc.UpdateBalancerState(state, pickFunc(func(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
			return sc, func(i balancer.DoneInfo) { dones <- i }, nil
		}))
	}
	c := s.dial(p.name)
	c.resolve("A")
	c.sayCall("RPC", grpc.WaitForReady(true))
	for i := <-dones; ; i = <-dones {
		if i.BytesSent { // not a pick that came too early
			s.say("done: error %v, sent %v, received %v", i.Err, i.BytesSent, i.BytesReceived)
			break
		}
	}
	_, err := healthpb.NewHealthClient(c.ClientConn).Check(context.Background(), &healthpb.HealthCheckRequest{Service: "unknown"})
	i := <-dones
	s.say("an RPC that fails with %v: done: error %v, sent %v, received %v", status.Code(err), status.Code(i.Err), i.BytesSent, i.BytesReceived)
}
