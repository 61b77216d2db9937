package adapter

// WithBalancer without a ClientConn: what only a certain order of events shows.

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// halves are both halves of WithBalancer, the resolver and the LB policy, in a
// bubble. The test is what is between them and under them: it says what becomes of
// an address on the way, and of a SubConn.
type halves struct {
	resolver resolver.Resolver
	policy   balancer.Balancer
	lists    chan []Address                                    // Notify's, of a scriptBalancer
	closing  bool                                              // grpc makes no SubConns any more
	became   func(addrs []resolver.Address) []resolver.Address // if there is one

	// What the policy has done.
	subConns []*fakeSubConn
	mu       sync.Mutex // guards states, as a timer of the policy's adds to them
	states   []balancer.State
}

func newHalves(t *testing.T, b Balancer) *halves {
	t.Helper()
	return begin(t, &bridgeBuilder{option: &balancerOption{balancer: b}})
}

// begin begins a life of the builder's Balancer.
func begin(t *testing.T, builder *bridgeBuilder) *halves {
	t.Helper()
	h := &halves{lists: make(chan []Address)}
	if s, ok := builder.option.balancer.(*scriptBalancer); ok && s.notify == nil {
		s.notify = func() <-chan []Address { return h.lists }
	}
	h.policy = balancer.Get(policyName).Build(fakeCC{h: h}, balancer.BuildOptions{})
	h.resolver = build(t, builder, &toldConn{update: func(s resolver.State) {
		if s.Endpoints == nil {
			t.Error("grpc has to make endpoints, which costs it more than all the rest")
		}
		if h.became != nil {
			s.Addresses = h.became(s.Addresses)
		}
		_ = h.policy.UpdateClientConnState(balancer.ClientConnState{ResolverState: s})
	}})
	synctest.Wait()
	return h
}

// close closes the halves in grpc's order.
func (h *halves) close() {
	h.resolver.Close()
	h.policy.Close()
}

// list makes the Balancer name addresses.
func (h *halves) list(addresses ...Address) {
	h.lists <- addresses
	synctest.Wait()
}

// alive is the number and the address of each SubConn that has not been shut down.
func (h *halves) alive() string {
	var alive []string
	for i, s := range h.subConns {
		if !s.shutdown {
			alive = append(alive, fmt.Sprint(i, "=", s.addr))
		}
	}
	return strings.Join(alive, " ")
}

// told is how often the policy has told grpc something, and what it told last.
func (h *halves) told() (int, balancer.State) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.states), h.states[len(h.states)-1]
}

func (h *halves) state() connectivity.State {
	_, s := h.told()
	return s.ConnectivityState
}

// pick asks the newest picker.
func (h *halves) pick(t *testing.T) (*fakeSubConn, error) {
	_, state := h.told()
	r, err := state.Picker.Pick(balancer.PickInfo{Ctx: t.Context()})
	s, _ := r.SubConn.(*fakeSubConn)
	return s, err
}

// fakeCC is the ClientConn of the policy.
type fakeCC struct {
	balancer.ClientConn
	h *halves
}

func (cc fakeCC) NewSubConn(a []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	if cc.h.closing {
		return nil, errors.New("closing")
	}
	s := &fakeSubConn{addr: a[0].Addr, listener: o.StateListener}
	cc.h.subConns = append(cc.h.subConns, s)
	return s, nil
}

func (cc fakeCC) UpdateState(s balancer.State) {
	cc.h.mu.Lock()
	defer cc.h.mu.Unlock()
	cc.h.states = append(cc.h.states, s)
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

// toldConn is the ClientConn of a resolver, in a bubble, and keeps what it is told:
// of each State the addresses, and of each error the text.
type toldConn struct {
	resolver.ClientConn
	update func(resolver.State) // is called with each State, if there is one
	told   []string
}

func (c *toldConn) UpdateState(s resolver.State) error {
	var addrs []string
	for _, a := range s.Addresses {
		addrs = append(addrs, a.Addr)
	}
	c.told = append(c.told, fmt.Sprint(addrs))
	if c.update != nil {
		c.update(s)
	}
	return nil
}

func (c *toldConn) ReportError(err error) { c.told = append(c.told, err.Error()) }

func (c *toldConn) ParseServiceConfig(string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{}
}

// build is Build for a ClientConn that is not one.
func build(t *testing.T, b resolver.Builder, cc resolver.ClientConn) resolver.Resolver {
	t.Helper()
	r, err := b.Build(resolver.Target{}, cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
