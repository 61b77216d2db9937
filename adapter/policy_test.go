package adapter

// The policy without a ClientConn: what only a certain order of events shows.

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// fakeCC records what a policy does to its ClientConn.
type fakeCC struct {
	balancer.ClientConn

	mu       sync.Mutex
	states   []balancer.State
	subConns []*fakeSubConn
}

type fakeSubConn struct {
	balancer.SubConn
	addr     string
	listener func(balancer.SubConnState)
	connects int
	shutdown bool
}

func (s *fakeSubConn) Connect()  { s.connects++ }
func (s *fakeSubConn) Shutdown() { s.shutdown = true }

func (s *fakeSubConn) enter(c connectivity.State) { s.fail(c, errors.New("refused")) }

func (s *fakeSubConn) fail(c connectivity.State, err error) {
	s.listener(balancer.SubConnState{ConnectivityState: c, ConnectionError: err})
}

func (cc *fakeCC) NewSubConn(a []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	s := &fakeSubConn{addr: a[0].Addr, listener: o.StateListener}
	cc.subConns = append(cc.subConns, s)
	return s, nil
}

func (cc *fakeCC) UpdateState(s balancer.State) {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	cc.states = append(cc.states, s)
}

func (cc *fakeCC) updates() int {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	return len(cc.states)
}

func (cc *fakeCC) last() balancer.State {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	return cc.states[len(cc.states)-1]
}

// policyUnderTest is a policy over a balancer, told about addresses by tell.
func policyUnderTest(b Balancer) (p *policy, cc *fakeCC, tell func(v1State, ...string)) {
	cc = &fakeCC{}
	p = policyBuilder{}.Build(cc, balancer.BuildOptions{}).(*policy)
	br := newBridge(&balancerOption{balancer: b}, "svc", nil, resolver.BuildOptions{})
	tell = func(s v1State, dialled ...string) {
		s.bridge = br
		var addrs []resolver.Address
		for _, d := range dialled {
			addrs = append(addrs, resolver.Address{Addr: d})
		}
		_ = p.UpdateClientConnState(balancer.ClientConnState{ResolverState: resolver.State{
			Addresses: addrs, Attributes: attributes.New(v1StateKey{}, &s)}})
	}
	return p, cc, tell
}

func TestPolicyDialsWhatTheStateSays(t *testing.T) {
	p, cc, tell := policyUnderTest(&scriptBalancer{})
	defer p.Close()
	a, b := Address{Addr: "a:1"}, Address{Addr: "b:1"}
	tell(v1State{addresses: []Address{a, b, a}}, "proxy:1", "proxy:1", "proxy:1")
	if len(cc.subConns) != 2 || cc.subConns[0].addr != "proxy:1" {
		t.Fatalf("%d SubConns, want one for each address, to the proxy", len(cc.subConns))
	}
	tell(v1State{addresses: []Address{a, b}}, "proxy:1", "proxy:2") // the proxy of b moves
	if len(cc.subConns) != 3 || cc.subConns[2].addr != "proxy:2" || !cc.subConns[1].shutdown || cc.subConns[0].shutdown {
		t.Error("a proxy that moves is not followed")
	}
	tell(v1State{addresses: []Address{a}}) // grpc has lost one
	if len(cc.subConns) != 3 || cc.subConns[0].shutdown {
		t.Error("a State that does not fit changes something")
	}
	tell(v1State{err: errors.New("no")})
	if cc.subConns[0].shutdown || cc.subConns[2].shutdown {
		t.Error("an error takes addresses away")
	}
}

func TestPolicyUpAndDown(t *testing.T) {
	balancer := &scriptBalancer{}
	p, cc, tell := policyUnderTest(balancer)
	defer p.Close()
	tell(v1State{addresses: []Address{{Addr: "a:1"}}}, "a:1")
	sc := cc.subConns[0]
	if s := cc.last().ConnectivityState; s != connectivity.Connecting {
		t.Errorf("state %v, want CONNECTING at once", s)
	}
	sc.enter(connectivity.Connecting)
	sc.enter(connectivity.Ready)
	sc.enter(connectivity.Idle)
	if sc.connects != 2 {
		t.Errorf("Connect was called %d times, want again when idle", sc.connects)
	}
	if s := cc.last().ConnectivityState; s != connectivity.Connecting {
		t.Errorf("state %v, want CONNECTING as it is connected again", s)
	}
	sc.enter(connectivity.Ready)
	tell(v1State{})
	sc.enter(connectivity.Ready) // late: it has been removed
	sc.enter(connectivity.Idle)
	want := "[Up a:1 down a:1 Up a:1 down a:1]"
	if got := fmt.Sprint(balancer.recorded()); got != want {
		t.Errorf("calls %s, want %s", got, want)
	}
	if sc.connects != 2 {
		t.Error("a SubConn that was removed is connected again")
	}
	if s := cc.last().ConnectivityState; s != connectivity.TransientFailure {
		t.Errorf("state %v without addresses", s)
	}
}

// What grpc says of SubConns between the end of the resolver and its own.
func TestPolicyAfterClose(t *testing.T) {
	balancer := &scriptBalancer{}
	p, cc, tell := policyUnderTest(balancer)
	defer p.Close()
	tell(v1State{addresses: []Address{{Addr: "a:1"}, {Addr: "b:1"}}}, "a:1", "b:1")
	p.bridge.cc = &toldConn{}
	p.bridge.open()
	cc.subConns[0].enter(connectivity.Ready)
	p.bridge.Close()
	cc.subConns[0].enter(connectivity.Idle)
	cc.subConns[1].enter(connectivity.Ready)
	tell(v1State{})
	if got, want := fmt.Sprint(balancer.recorded()), "[Start Notify Up a:1 down a:1 Close]"; got != want {
		t.Errorf("calls %s, want %s", got, want)
	}
}

// Down and up are for an address that is connected and has another pointer as its
// Metadata, and for none that has only moved in the list or is being connected.
func TestPolicyRenamesNothingElse(t *testing.T) {
	type zone struct{ name string }
	x, y := Address{Addr: "a:1", Metadata: []string{"not comparable"}}, Address{Addr: "b:1"}
	before, after := Address{Addr: "c:1", Metadata: &zone{"c"}}, Address{Addr: "c:1", Metadata: &zone{"c"}}
	balancer := &scriptBalancer{}
	p, cc, tell := policyUnderTest(balancer)
	defer p.Close()
	tell(v1State{addresses: []Address{x, y, before}}, "a:1", "b:1", "c:1")
	cc.subConns[0].enter(connectivity.Ready)
	cc.subConns[1].enter(connectivity.Ready)
	cc.subConns[2].enter(connectivity.Connecting)
	tell(v1State{addresses: []Address{y, x, after}}, "b:1", "a:1", "c:1")
	if got, want := fmt.Sprint(balancer.recorded()), "[Up a:1 Up b:1]"; got != want || len(cc.subConns) != 3 {
		t.Errorf("calls %s and %d SubConns, want %s and 3", got, len(cc.subConns), want)
	}
	cc.subConns[2].enter(connectivity.Ready)
	if balancer.last != after {
		t.Errorf("Up of %v, want the newest, %v", balancer.last, after)
	}
}

// RPCs to an address that is down show the newest reason. A status in that, such
// as one that the dialer returned, is none of theirs.
func TestPolicyShowsWhyAnAddressIsDown(t *testing.T) {
	a := Address{Addr: "a:1"}
	p, cc, tell := policyUnderTest(&scriptBalancer{get: func() (Address, func(), error) { return a, nil, nil }})
	defer p.Close()
	tell(v1State{addresses: []Address{a}}, "a:1")
	for _, reason := range []string{"refused", "reset"} {
		cc.subConns[0].fail(connectivity.TransientFailure, status.Error(codes.PermissionDenied, reason))
		_, err := cc.last().Picker.Pick(balancer.PickInfo{Ctx: t.Context()})
		if err == nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%v, want an error with %q", err, reason)
		}
		if s, ok := status.FromError(err); ok {
			t.Errorf("%v is a status, %v", err, s.Code())
		}
	}
}

// Up may return nil after it has returned something.
func TestPolicyForgetsDown(t *testing.T) {
	ups, downs := 0, 0
	balancer := &scriptBalancer{up: func(Address) func(error) {
		if ups++; ups == 1 {
			return func(error) { downs++ }
		}
		return nil
	}}
	p, cc, tell := policyUnderTest(balancer)
	defer p.Close()
	tell(v1State{addresses: []Address{{Addr: "a:1"}}}, "a:1")
	for range 2 {
		cc.subConns[0].enter(connectivity.Ready)
		cc.subConns[0].enter(connectivity.TransientFailure)
	}
	if ups != 2 || downs != 1 {
		t.Errorf("%d Ups and %d downs, want 2 and 1", ups, downs)
	}
}

// Picks that are refused cause one more try each refreshTime, and none after
// Close.
func TestPolicyRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, cc, tell := policyUnderTest(&scriptBalancer{get: func() (Address, func(), error) { return Address{Addr: "unknown"}, nil, nil }})
		tell(v1State{addresses: []Address{{Addr: "a:1"}}}, "a:1")
		before := cc.updates()
		for range 100 {
			if _, err := cc.last().Picker.Pick(balancer.PickInfo{}); err != balancer.ErrNoSubConnAvailable {
				t.Fatal(err)
			}
		}
		time.Sleep(refreshTime / 2)
		if cc.updates() != before {
			t.Error("another try at once")
		}
		time.Sleep(10 * refreshTime)
		if n := cc.updates() - before; n != 1 {
			t.Errorf("%d tries for picks that came together, want 1", n)
		}
		_, _ = cc.last().Picker.Pick(balancer.PickInfo{})
		before = cc.updates()
		p.Close()
		_, _ = cc.last().Picker.Pick(balancer.PickInfo{})
		cc.subConns[0].enter(connectivity.Ready)
		time.Sleep(10 * refreshTime)
		if cc.updates() != before {
			t.Error("UpdateState after Close")
		}
	})
}

// The bridge's way out is named where it is one.
func TestExplain(t *testing.T) {
	err := errors.New("closed")
	for name, test := range map[string]struct {
		balancer Balancer
		again    bool
		want     bool
	}{
		"first life":      {&scriptBalancer{}, false, false},
		"second life":     {&scriptBalancer{}, true, true},
		"RoundRobin":      {RoundRobin(nil), true, false},
		"RoundRobin, too": {RoundRobin(nil), false, false},
	} {
		b := newBridge(&balancerOption{balancer: test.balancer}, "svc", nil, resolver.BuildOptions{})
		b.again = test.again
		if got := b.explain(err) != err; got != test.want {
			t.Errorf("%s: explained %v, want %v", name, got, test.want)
		}
		if got := b.explainGet(err) != err; got != test.want {
			t.Errorf("%s: Get explained %v, want %v", name, got, test.want)
		}
	}
}

// DialCreds are a copy: a Balancer may override the server name in them.
func TestBalancerConfigClones(t *testing.T) {
	creds := credentials.NewTLS(nil)
	c := balancerConfig(resolver.BuildOptions{DialCreds: creds})
	if c.DialCreds == nil || c.DialCreds == creds {
		t.Errorf("DialCreds %p, want a copy of %p", c.DialCreds, creds)
	}
}

// A list that the Balancer changes after it has sent it.
func TestListIsCopied(t *testing.T) {
	b := startBackends(t, 2)
	lists := make(chan []Address)
	balancer := &scriptBalancer{notify: func() <-chan []Address { return lists }}
	conn := dial(t, "svc", WithBalancer(balancer))
	list := make([]Address, 1)
	for _, be := range b {
		list[0].Addr = be.Addr()
		lists <- list
		lists <- append([]Address(nil), list...) // by now the first has been read
		list[0].Addr = "127.0.0.1:1"
		call(t, conn, grpc.WaitForReady(true))
	}
}

// Grpc closes the resolver, and thereby the Balancer, before it takes the picker
// away: a pick in between does not ask Get.
func TestPickAfterClose(t *testing.T) {
	gets := 0
	a := Address{Addr: "a:1"}
	p, cc, tell := policyUnderTest(&scriptBalancer{get: func() (Address, func(), error) { gets++; return a, nil, nil }})
	defer p.Close()
	tell(v1State{addresses: []Address{a}}, "a:1")
	p.bridge.cc = &toldConn{}
	p.bridge.open()
	cc.subConns[0].enter(connectivity.Ready)
	picker, info := cc.last().Picker, balancer.PickInfo{Ctx: t.Context()}
	if r, err := picker.Pick(info); err != nil || r.SubConn != cc.subConns[0] {
		t.Fatalf("%v, %v before Close", r, err)
	}
	p.bridge.Close()
	if _, err := picker.Pick(info); err != balancer.ErrNoSubConnAvailable || gets != 1 {
		t.Errorf("%v after Close, and Get was called %d times, want once", err, gets)
	}
}
