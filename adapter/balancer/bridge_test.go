package balancer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/attributes"
	today "google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// What today's grpc makes anew for each update, and is equal, is the same for code that
// compares addresses with ==.
func TestFreshAttributes(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	updates := make(chan []resolver.Address, 1)
	p.resolved = func(_ *policy, addrs []resolver.Address) { updates <- addrs }
	c := s.dial(p.name)
	send := func(v any) []resolver.Address {
		c.resolver.UpdateState(resolver.State{Addresses: []resolver.Address{
			{Addr: "a", Attributes: attributes.New("k", v)},
			{Addr: "a", BalancerAttributes: attributes.New("k", v)},
			{Addr: "b"},
		}})
		return <-updates
	}
	first, second, third := send("v"), send("v"), send("w")
	for i := range first {
		if first[i] != second[i] {
			t.Errorf("address %d: %v is not %v", i, first[i], second[i])
		}
		if first[i].Addr == "a" && second[i] == third[i] {
			t.Errorf("address %d: %v is %v", i, second[i], third[i])
		}
	}
	send([]int{1}) // cannot be compared
	if got := send([]int{1}); len(got) != 3 {
		t.Errorf("%d addresses, want 3", len(got))
	}
}

// A resolver that names endpoints only, as grpc's own do one day, has addresses.
func TestEndpointsOnly(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	updates := make(chan []resolver.Address, 1)
	p.resolved = func(_ *policy, addrs []resolver.Address) { updates <- addrs }
	c := s.dial(p.name)
	c.resolver.UpdateState(resolver.State{Endpoints: []resolver.Endpoint{
		{Addresses: []resolver.Address{{Addr: "a"}, {Addr: "b"}}}, {Addresses: []resolver.Address{{Addr: "c"}}}}})
	if got := fmt.Sprint((<-updates)); strings.Count(got, "Addr: ") != 3 {
		t.Errorf("addresses: %v", got)
	}
}

func TestBuildOptions(t *testing.T) {
	got := make(chan balancer.BuildOptions, 1)
	n := name()
	balancer.Register(buildFunc{n, func(_ balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
		got <- o
		return panicking{}
	}})
	r := &names{name(), make(chan resolver.ClientConn, 1)}
	conn, err := grpc.Dial(r.scheme+":///svc", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(r),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, errors.New("mine") }),
		grpc.WithAuthority("authority"), grpc.WithUserAgent("agent"),
		grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingPolicy":%q}`, n)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	(<-r.built).UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: "a"}}})
	o := <-got
	if _, err := o.Dialer(context.Background(), ""); err == nil || err.Error() != "mine" {
		t.Errorf("Dialer: %v", err)
	}
	if o.DialCreds == nil || o.Target.Endpoint() != "svc" || o.Authority != "authority" ||
		!strings.HasPrefix(o.CustomUserAgent, "agent") || o.ChannelzParent == nil || o.ChannelzParentID != 0 {
		t.Errorf("%+v", o)
	}
}

// parsing is a Builder with a config of its own.
type parsing struct{ *policy }

type config struct {
	serviceconfig.LoadBalancingConfig
	Size int
}

func (parsing) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	c := &config{}
	return c, json.Unmarshal(text, c)
}
func (p parsing) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	p.policy.Build(cc, o)
	return configured(p)
}

// configured says what its config is in its RPCs.
type configured struct{ *policy }

func (c configured) UpdateClientConnState(s balancer.ClientConnState) error {
	c.cc.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: v2PickFunc(
		func(balancer.PickInfo) (balancer.PickResult, error) {
			return balancer.PickResult{}, fmt.Errorf("size %d", s.BalancerConfig.(*config).Size)
		})})
	return nil
}
func (configured) ResolverError(error)                                        {}
func (configured) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

func TestConfigParser(t *testing.T) {
	s := (&stage{T: t}).open()
	p := parsing{s.newPolicy()}
	balancer.Register(p)
	if _, ok := balancer.Get(p.name).(balancer.ConfigParser); !ok {
		t.Error("Get has lost ParseConfig")
	}
	c := s.dialConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{"size":3}}]}`, p.name))
	c.resolve("A")
	if _, err := c.call(); status.Convert(err).Message() != "size 3" {
		t.Errorf("RPC: %v", err)
	}
}

// Today's grpc tells upper from lower case. Both are known.
func TestNameInServiceConfig(t *testing.T) {
	for _, spell := range []func(string) string{strings.ToLower, func(s string) string { return s }} {
		s := (&stage{T: t}).open()
		p := s.newPolicy()
		p.name = "UPPER_" + p.name
		balancer.Register(p)
		c := s.dial(spell(p.name))
		c.resolve("A")
		<-p.built
	}
}

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
	p := s.newPolicy()
	ready := make(chan balancer.SubConn, 1)
	p.changed = func(_ *policy, sc balancer.SubConn, state connectivity.State) {
		if state == connectivity.Ready {
			ready <- sc
		}
	}
	c := s.dial(p.name)
	c.resolve("A")
	sc := <-ready
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
	p := s.newPolicy()
	ready := make(chan balancer.SubConn, 100)
	p.changed = func(p *policy, sc balancer.SubConn, state connectivity.State) {
		if state == connectivity.Ready {
			ready <- sc
		}
	}
	c := s.dial(p.name)
	c.resolve("A")
	sc := <-ready
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
	n := name()
	var conn balancer.ClientConn
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
		conn = cc
		return panicking{}
	}})
	cc, _ := fakeBuild(t, n)
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
