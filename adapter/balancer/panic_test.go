package balancer_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// panicking is a Balancer whose methods panic.
type panicking struct{}

func (panicking) HandleResolvedAddrs([]resolver.Address, error) { panic("in HandleResolvedAddrs") }
func (panicking) HandleSubConnStateChange(balancer.SubConn, connectivity.State) {
	panic("in HandleSubConnStateChange")
}
func (panicking) Close() { panic("in Close") }

type panickingV2 struct{ panicking }

func (panickingV2) UpdateClientConnState(balancer.ClientConnState) error {
	panic("in UpdateClientConnState")
}
func (panickingV2) ResolverError(error) { panic("in ResolverError") }
func (panickingV2) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {
	panic("in UpdateSubConnState")
}

// buildFunc is a Builder.
type buildFunc struct {
	name  string
	build func(balancer.ClientConn, balancer.BuildOptions) balancer.Balancer
}

func (b buildFunc) Name() string { return b.name }
func (b buildFunc) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	return b.build(cc, o)
}

// A method that panics on a goroutine of grpc's is logged; the process lives.
func TestPanicsAreContained(t *testing.T) {
	for _, test := range []struct {
		name     string
		balancer balancer.Balancer
		logged   []string
	}{
		{"old", panicking{}, []string{"HandleResolvedAddrs", "HandleSubConnStateChange", "Close"}},
		{"V2", panickingV2{}, []string{"UpdateClientConnState", "ResolverError", "UpdateSubConnState", "Close"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := (&stage{T: t}).open()
			since := logged.Mark()
			built := make(chan balancer.ClientConn, 1)
			n := name()
			balancer.Register(buildFunc{n, func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
				built <- cc
				return test.balancer
			}})
			c := s.dial(n)
			c.resolve("A")
			cc := <-built
			c.resolver.ReportError(errors.New("mine"))
			sc, err := cc.NewSubConn(s.addr("A"), balancer.NewSubConnOptions{})
			if err != nil {
				t.Fatal(err)
			}
			sc.Connect()
			cc.UpdateBalancerState(connectivity.Ready, always(sc))
			for _, method := range test.logged {
				if method == "Close" {
					s.wait("RPCs are answered", func() bool {
						cc.UpdateBalancerState(connectivity.Ready, always(sc)) // nobody tells of states
						ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
						defer cancel()
						_, err := c.callWith(ctx)
						return err == nil
					})
					c.Close()
				}
				s.wait(method+" is logged", func() bool { return strings.Contains(since(), "panicked: in "+method) })
			}
		})
	}
}

// A Builder that panics or returns nil leaves RPCs that say so.
func TestBuildFails(t *testing.T) {
	for _, test := range []struct {
		name, want string
		build      func(balancer.ClientConn, balancer.BuildOptions) balancer.Balancer
	}{
		{"panic", "Build panicked: mine", func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer { panic("mine") }},
		{"nil", "has built nothing", func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer { return nil }},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := (&stage{T: t}).open()
			n := name()
			balancer.Register(buildFunc{n, test.build})
			c := s.dial(n)
			c.resolve("A")
			_, err := c.call()
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), test.want) {
				t.Errorf("RPC: %v", err)
			}
			c.resolver.ReportError(errors.New("mine"))
			c.Close()
		})
	}
}

// What a Builder has made before it panics is removed.
func TestBuildFailsLate(t *testing.T) {
	n := name()
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
		if _, err := cc.NewSubConn([]resolver.Address{{}}, balancer.NewSubConnOptions{}); err != nil {
			t.Error(err)
		}
		panic("mine")
	}})
	cc, _ := fakeBuild(t, n)
	if got := cc.subConns[0].shutdowns.Load(); got != 1 {
		t.Errorf("%d Shutdowns", got)
	}
}

// panickingBuild returns the ClientConn of a panicking Balancer, and the one of grpc's
// behind it.
func panickingBuild(t *testing.T) (conn balancer.ClientConn, cc *fakeClientConn) {
	t.Helper()
	n := name()
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
		conn = cc
		return panicking{}
	}})
	cc, _ = fakeBuild(t, n)
	return conn, cc
}

// Pick and done run unguarded: who makes the RPC may recover.
func TestPickThatPanics(t *testing.T) {
	conn, cc := panickingBuild(t)
	conn.UpdateBalancerState(connectivity.Ready, pickFunc(
		func(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
			panic("mine")
		}))
	defer func() {
		if p := recover(); p != "mine" {
			t.Errorf("recovered %v", p)
		}
	}()
	cc.states[0].Picker.Pick(balancer.PickInfo{})
}
