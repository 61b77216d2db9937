package balancer_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	today "google.golang.org/grpc/balancer"
	todaybase "google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/balancer/roundrobin"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// embedding has a child as Balancers before v1.20 had it: with the three methods of
// the old interface.
type embedding struct{ balancer.Balancer }

func TestChildInTheOldWay(t *testing.T) {
	for _, child := range []string{roundrobin.Name, "pick_first"} {
		t.Run(child, func(t *testing.T) {
			s := (&stage{T: t}).open()
			n := name()
			var b balancer.Balancer
			balancer.Register(buildFunc{n, func(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
				b = balancer.Get(child).Build(cc, o)
				return embedding{b}
			}})
			c := s.dial(n)
			c.resolve("A")
			c.answeredBy("A")
			a := s.servers["A"]
			a.Stop()
			s.wait("the ClientConn is in TRANSIENT_FAILURE", func() bool { return c.GetState() == connectivity.TransientFailure })
			if _, err := c.call(); status.Code(err) != codes.Unavailable {
				t.Errorf("RPC without a server: %v", err)
			}
			s.serve("A", a.addr)
			c.answeredBy("A")
		})
	}
}

// A resolver error reaches a child by HandleResolvedAddrs too, and an error of its
// picker means what it means today.
func TestChildIsToldOfErrors(t *testing.T) {
	spy := spyBuilder{name(), make(chan spyPolicy, 1)}
	today.Register(spy)
	n := name()
	var child balancer.Balancer
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
		child = balancer.Get(spy.name).Build(cc, o)
		return embedding{child}
	}})
	cc, _ := fakeBuild(t, n)
	p := <-spy.got
	child.HandleResolvedAddrs(nil, errors.New("mine"))
	if fmt.Sprint(*p.calls) != "[ResolverError mine]" {
		t.Errorf("calls: %v", *p.calls)
	}
	for _, want := range []error{errors.New("mine"), balancer.ErrNoSubConnAvailable, status.Error(codes.Unavailable, "mine")} {
		p.cc.UpdateState(today.State{Picker: todaybase.NewErrPicker(want)})
		_, got := cc.states[len(cc.states)-1].Picker.Pick(today.PickInfo{})
		_, isStatus := status.FromError(got)
		_, wasStatus := status.FromError(want)
		if got == nil || got.Error() != want.Error() || isStatus != wasStatus {
			t.Errorf("Pick: %v, want %v", got, want)
		}
	}
}

// The config of a parent is not that of its child.
func TestChildOfAnotherConfig(t *testing.T) {
	s := (&stage{T: t}).open()
	n := name()
	type foreignConfig struct {
		serviceconfig.LoadBalancingConfig
	}
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
		return handsOn{balancer.Get("pick_first").Build(cc, o), foreignConfig{}}
	}})
	c := s.dial(n)
	c.resolve("A")
	c.answeredBy("A")
}

// handsOn gives its child a config.
type handsOn struct {
	balancer.Balancer
	config serviceconfig.LoadBalancingConfig
}

func (h handsOn) HandleResolvedAddrs(a []resolver.Address, _ error) {
	_ = h.Balancer.(balancer.V2Balancer).UpdateClientConnState(balancer.ClientConnState{
		ResolverState: resolver.State{Addresses: a}, BalancerConfig: h.config})
}

// spyPolicy is a policy of today's that is asked for its ClientConn.
type spyPolicy struct {
	today.Balancer
	cc    today.ClientConn
	calls *[]string
}

func (p spyPolicy) note(format string, args ...any) {
	*p.calls = append(*p.calls, fmt.Sprintf(format, args...))
}
func (p spyPolicy) UpdateClientConnState(s today.ClientConnState) error {
	e := s.ResolverState.Endpoints[0]
	p.note("endpoints %d, attributes %v, %v", len(s.ResolverState.Endpoints), e.Attributes.Value("k"), e.Addresses[0].BalancerAttributes.Value("k"))
	return today.ErrBadResolverState
}
func (p spyPolicy) UpdateSubConnState(_ today.SubConn, s today.SubConnState) {
	p.note("%v, error %v", s.ConnectivityState, s.ConnectionError)
}
func (p spyPolicy) ResolverError(err error) { p.note("ResolverError %v", err) }
func (p spyPolicy) ExitIdle()               { p.note("ExitIdle") }
func (p spyPolicy) Close()                  { p.note("Close") }

type spyBuilder struct {
	name string
	got  chan spyPolicy
}

func (b spyBuilder) Name() string { return b.name }
func (b spyBuilder) Build(cc today.ClientConn, _ today.BuildOptions) today.Balancer {
	p := spyPolicy{cc: cc, calls: new([]string)}
	b.got <- p
	return p
}

// What a policy of today's sees of an old parent is what it expects today.
func TestTodayUnderOld(t *testing.T) {
	spy := spyBuilder{name(), make(chan spyPolicy, 1)}
	today.Register(spy)
	n := name()
	var child balancer.Balancer
	balancer.Register(buildFunc{n, func(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
		child = balancer.Get(spy.name).Build(cc, balancer.BuildOptions{}) // not o
		return child
	}})
	cc, root := fakeBuild(t, n)
	p := <-spy.got
	a := resolver.Address{Addr: "a", BalancerAttributes: resolver.Address{}.BalancerAttributes.WithValue("k", "v")}
	if err := root.UpdateClientConnState(today.ClientConnState{ResolverState: resolver.State{Addresses: []resolver.Address{a}}}); err != today.ErrBadResolverState {
		t.Errorf("UpdateClientConnState: %v", err)
	}
	if p.cc.Target() != "fake" {
		t.Errorf("Target: %q", p.cc.Target())
	}
	sc, err := p.cc.NewSubConn([]resolver.Address{a}, today.NewSubConnOptions{})
	if err != nil {
		t.Fatal(err)
	}
	real := cc.subConns[0]
	for _, s := range []connectivity.State{connectivity.Connecting, connectivity.Ready, connectivity.Idle, connectivity.TransientFailure} {
		real.listener(today.SubConnState{ConnectivityState: s})
	}
	p.cc.UpdateState(today.State{ConnectivityState: connectivity.Idle, Picker: v2PickFunc(func(today.PickInfo) (today.PickResult, error) {
		return today.PickResult{SubConn: sc}, nil
	})})
	if s := cc.states[len(cc.states)-1]; s.ConnectivityState != connectivity.Connecting {
		t.Errorf("idle became %v", s.ConnectivityState)
	} else if r, err := s.Picker.Pick(today.PickInfo{}); err != nil || r.SubConn != today.SubConn(real) {
		t.Errorf("Pick: %v, %v", r.SubConn, err)
	}
	sc.Shutdown()
	real.listener(today.SubConnState{ConnectivityState: connectivity.Shutdown})
	child.HandleSubConnStateChange(real, connectivity.Ready) // is gone
	root.Close()
	want := []string{"endpoints 1, attributes v, <nil>", "CONNECTING, error <nil>", "READY, error <nil>", "IDLE, error <nil>", "CONNECTING, error <nil>",
		"TRANSIENT_FAILURE, error all SubConns are in TransientFailure", "SHUTDOWN, error <nil>", "ExitIdle", "Close"}
	if fmt.Sprintf("%q", *p.calls) != fmt.Sprintf("%q", want) {
		t.Errorf("calls:\n%q, want\n%q", *p.calls, want)
	}
	if real.shutdowns.Load() != 1 || real.connects.Load() != 1 {
		t.Errorf("%d Shutdowns, %d Connects", real.shutdowns.Load(), real.connects.Load())
	}
}

// A method that today's ClientConn has got since is that of the ClientConn behind the
// old one, however that is found.
func TestNewMethodsOfClientConn(t *testing.T) {
	spy := spyBuilder{name(), make(chan spyPolicy, 1)}
	today.Register(spy)
	type wrapper struct{ balancer.ClientConn }
	for what, build := range map[string]func(balancer.ClientConn, balancer.BuildOptions){
		"wrapped, with its BuildOptions": func(cc balancer.ClientConn, o balancer.BuildOptions) {
			balancer.Get(spy.name).Build(wrapper{cc}, o)
		},
		"not wrapped": func(cc balancer.ClientConn, _ balancer.BuildOptions) {
			balancer.Get(spy.name).Build(cc, balancer.BuildOptions{})
		},
		"wrapped": func(cc balancer.ClientConn, _ balancer.BuildOptions) {
			balancer.Get(spy.name).Build(wrapper{cc}, balancer.BuildOptions{})
		},
	} {
		t.Run(what, func(t *testing.T) {
			n := name()
			latest := what == "wrapped"
			var buildLater func()
			balancer.Register(buildFunc{n, func(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
				buildLater = func() { build(cc, o) }
				return panicking{}
			}})
			cc, _ := fakeBuild(t, n)
			if !latest { // any will do, but this is known
				former := buildLater
				fakeBuild(t, n)
				buildLater = former
			}
			buildLater()
			got := reflect.ValueOf((<-spy.got).cc).Elem().FieldByName("ClientConn").Interface()
			if got != today.ClientConn(cc) {
				t.Errorf("%v is behind it, want %v", got, cc)
			}
		})
	}
}

// Get of the same name is the same Builder, as often as it is asked.
func TestGetIsTheSame(t *testing.T) {
	if balancer.Get(roundrobin.Name) != balancer.Get("ROUND_ROBIN") {
		t.Error("two Builders of one name")
	}
	upper := spyBuilder{"UPPER_" + name(), nil}
	today.Register(upper)
	if b := balancer.Get(upper.name); b == nil || b.Name() != upper.name {
		t.Errorf("Get(%q) is %v", upper.name, b)
	}
	if _, ok := balancer.Get("pick_first").(balancer.ConfigParser); !ok {
		t.Error("pick_first has lost ParseConfig")
	}
	if _, ok := balancer.Get(roundrobin.Name).(balancer.ConfigParser); ok {
		t.Error("round_robin has no ParseConfig")
	}
}

// What is registered with grpc's own package replaces what was here, and the other way
// round.
func TestLastRegistrationCounts(t *testing.T) {
	s := (&stage{T: t}).open()
	p := s.newPolicy()
	spy := spyBuilder{p.name, make(chan spyPolicy, 1)}
	today.Register(spy)
	if balancer.Get(p.name) == balancer.Builder(p) {
		t.Error("the old Builder is there in spite of a later one of today's")
	}
	balancer.Register(p)
	if balancer.Get(p.name) != balancer.Builder(p) {
		t.Error("the old Builder is not there again")
	}
}
