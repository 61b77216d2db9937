package balancer_test

import (
	"context"
	"testing"

	today "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// pickers returns a Picker that takes turns between two SubConns that are connected,
// and one that does the same, as grpc gets them.
func pickers(t testing.TB, v2 bool) (old balancer.Picker, bridged today.Picker) {
	n := name()
	rr := &rrPicker{}
	var conn balancer.ClientConn
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
		conn = cc
		return panicking{} // is told of nothing
	}})
	cc, _ := fakeBuild(t, n)
	for range 2 {
		sc, err := conn.NewSubConn([]resolver.Address{{}}, balancer.NewSubConnOptions{StateListener: func(balancer.SubConnState) {}})
		if err != nil {
			t.Fatal(err)
		}
		rr.subConns = append(rr.subConns, sc)
	}
	for _, sc := range cc.subConns {
		sc.listener(today.SubConnState{ConnectivityState: connectivity.Ready})
	}
	if v2 {
		conn.UpdateState(balancer.State{Picker: v2PickFunc(func(info balancer.PickInfo) (balancer.PickResult, error) {
			sc, done, err := rr.Pick(info.Ctx, info)
			return balancer.PickResult{SubConn: sc, Done: done}, err
		})})
	} else {
		conn.UpdateBalancerState(connectivity.Ready, rr)
	}
	return rr, cc.states[0].Picker
}

// A pick through the bridge makes nothing.
func TestPickAllocates(t *testing.T) {
	for _, v2 := range []bool{false, true} {
		_, bridged := pickers(t, v2)
		info := today.PickInfo{Ctx: context.Background()}
		if n := testing.AllocsPerRun(100, func() {
			if r, err := bridged.Pick(info); r.SubConn == nil || err != nil {
				t.Fatal(r, err)
			}
		}); n != 0 {
			t.Errorf("V2 %v: %v allocations", v2, n)
		}
	}
}

func BenchmarkPick(b *testing.B) {
	info := today.PickInfo{Ctx: context.Background()}
	old, bridged := pickers(b, false)
	_, bridgedV2 := pickers(b, true)
	b.Run("old", func(b *testing.B) {
		for b.Loop() {
			old.Pick(info.Ctx, info)
		}
	})
	b.Run("bridged", func(b *testing.B) {
		for b.Loop() {
			bridged.Pick(info)
		}
	})
	b.Run("bridged V2", func(b *testing.B) {
		for b.Loop() {
			bridgedV2.Pick(info)
		}
	})
}
