package base_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
	"github.com/grpcnaming/grpcnaming/adapter/balancer/base"
	"github.com/grpcnaming/grpcnaming/internal/testlog"
)

var logged *testlog.Log

func TestMain(m *testing.M) {
	logged = testlog.Capture()
	goleak.VerifyTestMain(m)
}

// fakeClientConn is one as old tests have it: the whole interface, without embedding.
type fakeClientConn struct {
	made, removed []*fakeSubConn
	states        []connectivity.State
	last          func() error // what the newest picker answers
	refuse        bool
}

type fakeSubConn struct {
	balancer.SubConn
	addr     resolver.Address
	connects int
}

func (s *fakeSubConn) Connect() { s.connects++ }

func (f *fakeClientConn) NewSubConn(a []resolver.Address, _ balancer.NewSubConnOptions) (balancer.SubConn, error) {
	if f.refuse {
		return nil, errors.New("closing")
	}
	sc := &fakeSubConn{addr: a[0]}
	f.made = append(f.made, sc)
	return sc, nil
}
func (f *fakeClientConn) RemoveSubConn(sc balancer.SubConn) {
	f.removed = append(f.removed, sc.(*fakeSubConn))
}
func (f *fakeClientConn) UpdateBalancerState(s connectivity.State, p balancer.Picker) {
	f.states = append(f.states, s)
	f.last = func() error { _, _, err := p.Pick(context.Background(), balancer.PickInfo{}); return err }
}
func (f *fakeClientConn) UpdateState(s balancer.State) {
	f.states = append(f.states, s.ConnectivityState)
	f.last = func() error { _, err := s.Picker.Pick(balancer.PickInfo{}); return err }
}
func (f *fakeClientConn) ResolveNow(resolver.ResolveNowOptions) {}
func (f *fakeClientConn) Target() string                        { return "" }

// ready makes pickers that fail with what is ready.
type ready struct{}

func (ready) Build(scs map[resolver.Address]balancer.SubConn) balancer.Picker {
	var addrs []string
	for a := range scs {
		addrs = append(addrs, a.Addr)
	}
	return base.NewErrPicker(fmt.Errorf("ready: %v", addrs))
}

type readyV2 struct{}

func (readyV2) Build(info base.PickerBuildInfo) balancer.V2Picker {
	var addrs []string
	for _, i := range info.ReadySCs {
		addrs = append(addrs, i.Address.Addr)
	}
	return base.NewErrPickerV2(fmt.Errorf("ready: %v", addrs))
}

func each(t *testing.T, test func(t *testing.T, cc *fakeClientConn, b balancer.Balancer, v2 balancer.V2Balancer)) {
	for name, builder := range map[string]balancer.Builder{
		"old": base.NewBalancerBuilder("test", ready{}),
		"V2":  base.NewBalancerBuilderV2("test", readyV2{}, base.Config{}),
	} {
		t.Run(name, func(t *testing.T) {
			cc := &fakeClientConn{}
			b := builder.Build(cc, balancer.BuildOptions{})
			defer b.Close()
			test(t, cc, b, b.(balancer.V2Balancer))
		})
	}
}

func update(addrs ...resolver.Address) balancer.ClientConnState {
	return balancer.ClientConnState{ResolverState: resolver.State{Addresses: addrs}}
}

// What cannot be the key of a map is left out; v1.29.1 crashed.
func TestMetadataThatCannotBeCompared(t *testing.T) {
	each(t, func(t *testing.T, cc *fakeClientConn, _ balancer.Balancer, v2 balancer.V2Balancer) {
		since := logged.Mark()
		if err := v2.UpdateClientConnState(update(resolver.Address{Addr: "a", Metadata: []int{1}}, resolver.Address{Addr: "b", Metadata: 1})); err != nil {
			t.Error(err)
		}
		if len(cc.made) != 1 || cc.made[0].addr.Addr != "b" {
			t.Errorf("SubConns: %v", cc.made)
		}
		if !strings.Contains(since(), `no connection to "a": its Metadata is a []int`) {
			t.Errorf("logged: %s", since())
		}
	})
}

// A SubConn that has failed counts as failed until it is ready; one that is removed
// counts until it is shut down.
func TestStates(t *testing.T) {
	each(t, func(t *testing.T, cc *fakeClientConn, _ balancer.Balancer, v2 balancer.V2Balancer) {
		_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}, resolver.Address{Addr: "b"}))
		a, b := cc.made[0], cc.made[1]
		step := func(sc *fakeSubConn, s connectivity.State, states string, last string) {
			t.Helper()
			cc.states = nil
			var err error
			if s == connectivity.TransientFailure {
				err = errors.New("refused")
			}
			v2.UpdateSubConnState(sc, balancer.SubConnState{ConnectivityState: s, ConnectionError: err})
			if got := fmt.Sprint(cc.states); got != states {
				t.Errorf("states %s, want %s", got, states)
			}
			if last != "" && cc.last().Error() != last {
				t.Errorf("picker: %v, want %s", cc.last(), last)
			}
		}
		step(a, connectivity.Connecting, "[CONNECTING]", "no SubConn is available")
		step(b, connectivity.Connecting, "[CONNECTING]", "no SubConn is available")
		step(b, connectivity.TransientFailure, "[CONNECTING]", "no SubConn is available")
		step(b, connectivity.Connecting, "[]", "no SubConn is available")
		step(a, connectivity.Ready, "[READY]", "ready: [a]")
		step(a, connectivity.Connecting, "[CONNECTING]", "ready: []")
		step(a, connectivity.TransientFailure, "[TRANSIENT_FAILURE]", "")
		step(a, connectivity.Connecting, "[]", "")
		step(b, connectivity.Ready, "[READY]", "ready: [b]")
		_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}))
		_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}))
		if len(cc.removed) != 1 || cc.removed[0] != b {
			t.Errorf("removed: %v", cc.removed)
		}
		step(b, connectivity.Shutdown, "[TRANSIENT_FAILURE]", "")
		step(b, connectivity.Ready, "[]", "") // is gone
		step(a, connectivity.Ready, "[READY]", "ready: [a]")
		before := a.connects
		step(a, connectivity.Idle, "[TRANSIENT_FAILURE]", "") // from a parent that hides nothing
		if a.connects != before+1 {
			t.Error("an idle SubConn is not connected")
		}
	})
}

// A Balancer is called by hand in the old way too.
func TestOldMethods(t *testing.T) {
	each(t, func(t *testing.T, cc *fakeClientConn, b balancer.Balancer, _ balancer.V2Balancer) {
		b.HandleResolvedAddrs([]resolver.Address{{Addr: "a"}}, nil)
		b.HandleSubConnStateChange(cc.made[0], connectivity.Connecting)
		b.HandleSubConnStateChange(cc.made[0], connectivity.Ready)
		if cc.last().Error() != "ready: [a]" {
			t.Errorf("picker: %v", cc.last())
		}
		b.HandleResolvedAddrs(nil, errors.New("mine"))
		if got := fmt.Sprint(cc.states); got != "[CONNECTING READY]" {
			t.Errorf("states: %s", got)
		}
	})
}

// The picker of V2 says what is wrong.
func TestReason(t *testing.T) {
	cc := &fakeClientConn{}
	v2 := base.NewBalancerBuilderV2("test", readyV2{}, base.Config{}).Build(cc, balancer.BuildOptions{}).(balancer.V2Balancer)
	want := func(text string) {
		t.Helper()
		if got := cc.last().Error(); got != text {
			t.Errorf("picker: %s, want %s", got, text)
		}
	}
	v2.ResolverError(errors.New("mine"))
	want("last resolver error: mine")
	_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}))
	for _, s := range []connectivity.State{connectivity.Connecting, connectivity.TransientFailure} {
		v2.UpdateSubConnState(cc.made[0], balancer.SubConnState{ConnectivityState: s, ConnectionError: errors.New("refused")})
	}
	want("last connection error: refused")
	v2.ResolverError(errors.New("mine"))
	want("last connection error: refused; last resolver error: mine")
}

// A ClientConn that is closing gives no SubConns; it is asked again with the next update.
func TestNewSubConnFails(t *testing.T) {
	each(t, func(t *testing.T, cc *fakeClientConn, _ balancer.Balancer, v2 balancer.V2Balancer) {
		cc.refuse = true
		_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}))
		cc.refuse = false
		_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}))
		_ = v2.UpdateClientConnState(update(resolver.Address{Addr: "a"}))
		if len(cc.made) != 1 || cc.made[0].connects != 1 {
			t.Errorf("SubConns: %v", cc.made)
		}
	})
}
