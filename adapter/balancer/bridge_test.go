package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	today "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// A SubConn with a StateListener is one of today's.
func TestStateListener(t *testing.T) {
	n := name()
	var old balancer.ClientConn
	told := 0
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
		old = cc
		p := (&stage{T: t}).newPolicy()
		p.changed = func(*policy, balancer.SubConn, connectivity.State) { told++ }
		return p
	}})
	cc, _ := fakeBuild(t, n)
	var got []string
	_, err := old.NewSubConn([]resolver.Address{{Addr: "a"}}, balancer.NewSubConnOptions{
		StateListener: func(s today.SubConnState) { got = append(got, s.ConnectivityState.String()) }})
	if err != nil {
		t.Fatal(err)
	}
	sc := cc.subConns[0]
	sc.listener(today.SubConnState{ConnectivityState: connectivity.Connecting})
	sc.listener(today.SubConnState{ConnectivityState: connectivity.Ready})
	sc.listener(today.SubConnState{ConnectivityState: connectivity.Idle})
	if fmt.Sprint(got) != "[CONNECTING READY IDLE]" || told != 0 || sc.connects.Load() != 0 {
		t.Errorf("listener: %v, Balancer told %d times, %d Connects", got, told, sc.connects.Load())
	}
}

// Close ends the SubConns that the Balancer has left, and silences both sides.
func TestClose(t *testing.T) {
	n := name()
	var old *policy
	told := 0
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
		old = (&stage{T: t}).newPolicy()
		old.changed = func(*policy, balancer.SubConn, connectivity.State) { told++ }
		old.closed = func() { cc.UpdateBalancerState(connectivity.Ready, failing{errors.New("last")}) }
		return old.Build(cc, o)
	}})
	cc, b := fakeBuild(t, n)
	if err := b.UpdateClientConnState(today.ClientConnState{ResolverState: resolver.State{Addresses: []resolver.Address{{Addr: "a"}}}}); err != nil {
		t.Fatal(err)
	}
	sc := cc.subConns[0]
	b.Close()
	if sc.shutdowns.Load() != 1 || len(cc.states) != 1 {
		t.Errorf("%d Shutdowns, %d states sent in Close", sc.shutdowns.Load(), len(cc.states))
	}
	sc.listener(today.SubConnState{ConnectivityState: connectivity.Shutdown})
	old.cc.UpdateBalancerState(connectivity.Ready, always(sc))
	old.cc.UpdateState(balancer.State{})
	old.cc.RemoveSubConn(sc)
	if _, err := old.cc.NewSubConn([]resolver.Address{{Addr: "a"}}, balancer.NewSubConnOptions{}); err == nil {
		t.Error("NewSubConn works after Close")
	}
	if told != 0 || len(cc.states) != 1 || sc.shutdowns.Load() != 1 || cc.subConns[1].shutdowns.Load() != 1 {
		t.Errorf("told %d times, %d states sent, %d and %d Shutdowns", told, len(cc.states), sc.shutdowns.Load(), cc.subConns[1].shutdowns.Load())
	}
}

// No picker means that RPCs wait.
func TestNilPicker(t *testing.T) {
	s := (&stage{T: t}).open()
	p, c, sc := s.connected()
	for _, update := range []func(){
		func() { p.cc.UpdateBalancerState(connectivity.Connecting, nil) },
		func() { p.cc.UpdateState(balancer.State{ConnectivityState: connectivity.Connecting}) },
	} {
		update()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		if _, err := c.callWith(ctx); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("RPC: %v", err)
		}
		cancel()
		p.cc.UpdateBalancerState(connectivity.Ready, always(sc))
		if _, err := c.call(); err != nil {
			t.Error(err)
		}
	}
}

// RPCs, pickers and connections come and go at the same time.
func TestConcurrent(t *testing.T) {
	s := (&stage{T: t}).open()
	p, c, sc := s.connected()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 50 {
				p.cc.UpdateBalancerState(connectivity.Ready, always(sc))
				spare, err := p.cc.NewSubConn(s.addr("B"), balancer.NewSubConnOptions{})
				if err != nil {
					t.Error(err)
					return
				}
				spare.Connect()
				p.cc.RemoveSubConn(spare)
			}
		})
		wg.Go(func() {
			for range 50 {
				if _, err := c.call(grpc.WaitForReady(true)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// Whatever makes a SubConn fail is the latest connection error.
func TestConnectionError(t *testing.T) {
	conn, cc := panickingBuild(t)
	if _, err := conn.NewSubConn([]resolver.Address{{}}, balancer.NewSubConnOptions{}); err != nil {
		t.Fatal(err)
	}
	cc.subConns[0].listener(today.SubConnState{ConnectivityState: connectivity.TransientFailure, ConnectionError: errors.New("sick")})
	conn.UpdateBalancerState(connectivity.TransientFailure, failing{balancer.ErrTransientFailure})
	_, err := cc.states[0].Picker.Pick(today.PickInfo{})
	if want := "all SubConns are in TransientFailure, latest connection error: sick"; err == nil || err.Error() != want {
		t.Errorf("Pick: %v, want %s", err, want)
	}
}
