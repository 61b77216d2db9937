package balancer_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// Until the first addresses today's grpc has no policy that could be told.
func TestResolverErrorFirst(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	c := s.dial(p.name)
	c.resolver.ReportError(errors.New("mine"))
	if _, err := c.call(); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "mine") {
		t.Errorf("RPC: %v", err)
	}
	c.resolve("A")
	<-p.built
}

// Codes that gRFC A54 keeps from control planes.
func TestRestrictedCodes(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	c := s.dial(p.name)
	c.resolve("A")
	(<-p.built).cc.UpdateBalancerState(connectivity.Ready, failing{status.Error(codes.NotFound, "mine")})
	if _, err := c.call(); status.Code(err) != codes.Internal || !strings.Contains(err.Error(), "mine") {
		t.Errorf("RPC: %v", err)
	}
}

// A policy that another replaces serves until that is ready, and is closed once.
func TestPolicySwitch(t *testing.T) {
	s := (&stage{T: t}).open()
	var mu sync.Mutex
	calls := make(map[string]int)
	count := func(what string) {
		mu.Lock()
		defer mu.Unlock()
		calls[what]++
	}
	make2 := func(label string) *policy {
		p := s.newPolicy()
		p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
			count(label + " " + state.String())
			if state == connectivity.Ready {
				p.cc.UpdateBalancerState(state, always(sc))
			}
		}
		p.closed = func() { count(label + " Close") }
		return p
	}
	first, second := make2("first"), make2("second")
	c := s.dial(first.name)
	update := func(policy, server string) {
		sc := c.resolver.ParseServiceConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{}}]}`, policy))
		c.resolver.UpdateState(resolver.State{Addresses: s.addr(server), ServiceConfig: sc})
	}
	update(first.name, "A")
	c.answeredBy("A")
	update(second.name, "B")
	c.answeredBy("B")
	s.wait("the first is closed", func() bool { mu.Lock(); defer mu.Unlock(); return calls["first Close"] == 1 })
	c.Close()
	mu.Lock()
	defer mu.Unlock()
	if calls["first Close"] != 1 || calls["second Close"] != 1 || calls["first SHUTDOWN"] != 0 || calls["second SHUTDOWN"] != 0 {
		t.Errorf("%v", calls)
	}
}

// An idle ClientConn closes its Balancer and builds another with the next RPC.
func TestIdle(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	p.built = make(chan *policy, 2)
	closed := make(chan bool, 2)
	p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
		p.cc.UpdateBalancerState(state, always(sc))
	}
	p.closed = func() { closed <- true }
	r := &names{name(), make(chan resolver.ClientConn, 2)}
	conn, err := grpc.Dial(r.scheme+":///svc", grpc.WithInsecure(), grpc.WithResolvers(r), grpc.WithIdleTimeout(50*time.Millisecond),
		grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingPolicy":%q}`, p.name)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	c := &channel{s, conn, <-r.built}
	c.resolve("A")
	c.answeredBy("A")
	<-p.built
	<-closed
	go func() { c.resolver = <-r.built; c.resolve("A") }()
	if _, err := c.call(grpc.WaitForReady(true)); err != nil {
		t.Error(err)
	}
	<-p.built
}
