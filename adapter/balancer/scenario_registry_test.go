package balancer_test

import (
	"testing"

	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
	"github.com/grpcnaming/grpcnaming/adapter/balancer/base"
)

func TestScenarioEvaluator(t *testing.T) {
	s := newStage(t)
	e := &balancer.ConnectivityStateEvaluator{}
	for _, step := range [][2]connectivity.State{
		{connectivity.Idle, connectivity.Connecting},
		{connectivity.Idle, connectivity.Connecting},
		{connectivity.Connecting, connectivity.TransientFailure},
		{connectivity.Connecting, connectivity.Ready},
		{connectivity.TransientFailure, connectivity.Connecting},
		{connectivity.Ready, connectivity.Idle},
		{connectivity.Connecting, connectivity.TransientFailure},
		{connectivity.Idle, connectivity.Connecting},
		{connectivity.Connecting, connectivity.Shutdown},
		{connectivity.TransientFailure, connectivity.Shutdown},
	} {
		s.say("%v to %v: %v", step[0], step[1], e.RecordTransition(step[0], step[1]))
	}
}

func TestScenarioRegistry(t *testing.T) {
	s := newStage(t)
	p := s.newPolicy()
	p.name = "Scenario_UPPER"
	balancer.Register(p)
	for _, n := range []string{"Scenario_UPPER", "scenario_upper", "SCENARIO_UPPER"} {
		s.say("Get(%q) is what was registered: %v", n, balancer.Get(n) == balancer.Builder(p))
	}
	s.say("Get of an unknown name is nil: %v", balancer.Get("scenario_unknown") == nil)
	s.say("Get(%q).Name() is %q", "Round_Robin", balancer.Get("Round_Robin").Name())
	_, ok := balancer.Get(roundrobin.Name).Build(p.cc, balancer.BuildOptions{}).(balancer.V2Balancer)
	s.say("round_robin is a V2Balancer: %v", ok)
	c := s.dial("Scenario_UPPER")
	c.resolve("A")
	(<-p.built).cc.UpdateBalancerState(connectivity.TransientFailure, base.NewErrPicker(status.Error(codes.Unavailable, "mine")))
	c.sayCall("dialled by that name")
}
