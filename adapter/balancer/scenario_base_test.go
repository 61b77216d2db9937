package balancer_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
	"github.com/grpcnaming/grpcnaming/adapter/balancer/base"
)

// rrBuilder makes pickers that take turns.
type rrBuilder struct{ s *stage }

func (b rrBuilder) Build(ready map[resolver.Address]balancer.SubConn) balancer.Picker {
	if len(ready) == 0 {
		return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
	}
	rr := &rrPicker{}
	for a, sc := range ready {
		weight, ok := a.Metadata.(int)
		if !ok {
			weight = 1
		}
		for i := 0; i < weight; i++ {
			rr.subConns = append(rr.subConns, sc)
		}
	}
	return rr
}

type rrPicker struct {
	mu       sync.Mutex
	next     int
	subConns []balancer.SubConn
}

func (p *rrPicker) Pick(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sc := p.subConns[p.next]
	p.next = (p.next + 1) % len(p.subConns)
	return sc, nil, nil
}

type rrBuilderV2 struct{ rrBuilder }

func (b rrBuilderV2) Build(info base.PickerBuildInfo) balancer.V2Picker {
	if len(info.ReadySCs) == 0 {
		return base.NewErrPickerV2(balancer.ErrNoSubConnAvailable)
	}
	ready := make(map[resolver.Address]balancer.SubConn)
	for sc, i := range info.ReadySCs {
		ready[i.Address] = sc
	}
	old := b.rrBuilder.Build(ready)
	return v2PickFunc(func(info balancer.PickInfo) (balancer.PickResult, error) {
		sc, done, err := old.Pick(info.Ctx, info)
		return balancer.PickResult{SubConn: sc, Done: done}, err
	})
}

func TestScenarioBaseErrors(t *testing.T) {
	s := newStage(t)
	n := name()
	balancer.Register(base.NewBalancerBuilder(n, rrBuilder{s}))
	tryBaseErrors(s, n)
}

func TestScenarioBaseErrorsV2(t *testing.T) {
	s := newStage(t)
	n := name()
	balancer.Register(base.NewBalancerBuilderV2(n, rrBuilderV2{rrBuilder{s}}, base.Config{}))
	tryBaseErrors(s, n)
}

func tryBaseErrors(s *stage, policy string) {
	c := s.dial(policy)
	c.resolve()
	c.sayCall("no address")
	s.say("state %v", c.GetState())
	c.resolver.ReportError(errors.New("mine"))
	s.wait("the state is there", func() bool { return c.GetState() == connectivity.TransientFailure })
	c.resolve("A")
	c.answeredBy("A")
	c.resolver.ReportError(errors.New("mine"))
	c.sayCall("a resolver error while there is a connection")
	s.servers["A"].Stop()
	s.wait("the ClientConn is in TRANSIENT_FAILURE", func() bool { return c.GetState() == connectivity.TransientFailure })
	c.sayCall("no server, resolver error")
	c.resolve("A")
	s.wait("the resolver error is forgotten", func() bool {
		_, err := c.call()
		return !strings.Contains(err.Error(), "mine")
	})
	c.sayCall("no server")
	c.resolve("B")
	c.answeredBy("B")
	c.resolve()
	s.wait("the ClientConn is in TRANSIENT_FAILURE", func() bool { return c.GetState() == connectivity.TransientFailure })
	s.say("the last address goes: state %v", c.GetState())
}

func TestScenarioWeightedByMetadata(t *testing.T) {
	s := newStage(t)
	n := name()
	balancer.Register(base.NewBalancerBuilderWithConfig(n, rrBuilder{s}, base.Config{HealthCheck: true}))
	c := s.dial(n)
	a, b := s.addr("A")[0], s.addr("B")[0]
	a.Metadata, b.Metadata = 1, 3
	c.resolver.UpdateState(resolver.State{Addresses: []resolver.Address{a, b}})
	c.answeredBy("A", "B")
	s.say("of 40 RPCs: %s", c.count(40))
	again := a
	again.Metadata = 4
	c.resolver.UpdateState(resolver.State{Addresses: []resolver.Address{a, b, again}}) // A twice: a SubConn each
	s.wait("the third counts", func() bool { return c.count(40) == "A 25, B 15" })
	s.say("of 40 RPCs, one Addr with two Metadata: %s", c.count(40))
}

func TestScenarioBaseRoundRobin(t *testing.T) {
	s := newStage(t)
	n := name()
	balancer.Register(base.NewBalancerBuilder(n, rrBuilder{s}))
	c := s.dial(n)
	c.resolve("A", "B", "C")
	c.answeredBy("A", "B", "C")
	s.say("of 30 RPCs: %s", c.count(30))
	c.resolve("A", "B")
	c.answeredBy("A", "B")
	b := s.servers["B"]
	b.Stop()
	c.answeredBy("A")
	s.say("of 30 RPCs while B is down: %s", c.count(30))
	s.serve("B", b.addr)
	c.answeredBy("A", "B")
}
