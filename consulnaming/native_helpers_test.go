package consulnaming

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// fakeConn is a resolver.ClientConn that keeps what it is told.
type fakeConn struct {
	resolver.ClientConn // nil: what a resolver has no use for
	told                chan any
	inUpdate            func() // called by UpdateState, if not nil

	mu sync.Mutex // guards what follows
	n  int
}

func newFakeConn() *fakeConn { return &fakeConn{told: make(chan any, 1000)} }

func (c *fakeConn) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.n
}

func (c *fakeConn) tell(what any) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	c.told <- what
}

func (c *fakeConn) UpdateState(s resolver.State) error {
	c.tell(s)
	if c.inUpdate != nil {
		c.inUpdate()
	}
	return fmt.Errorf("the policy does not like it")
}

func (c *fakeConn) ReportError(err error) { c.tell(err) }

func (c *fakeConn) ParseServiceConfig(string) *serviceconfig.ParseResult {
	panic("a resolver without service configs")
}

// build parses text as grpc does, and builds a resolver for it.
func build(t *testing.T, b resolver.Builder, text string, cc resolver.ClientConn) (resolver.Resolver, error) {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return b.Build(resolver.Target{URL: *u}, cc, resolver.BuildOptions{})
}

// resolving builds one that is closed when the test ends.
func resolving(t *testing.T, b resolver.Builder, text string) (*fakeConn, resolver.Resolver) {
	t.Helper()
	cc := newFakeConn()
	r, err := build(t, b, text, cc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return cc, r
}

// next returns what the ClientConn is told next.
func (c *fakeConn) next(t *testing.T) any {
	t.Helper()
	select {
	case what := <-c.told:
		return what
	case <-time.After(patience):
		t.Fatalf("nothing is told after %v", patience)
	}
	panic("unreachable")
}

// state returns the next State, which must not be an error.
func (c *fakeConn) state(t *testing.T) resolver.State {
	t.Helper()
	what := c.next(t)
	s, ok := what.(resolver.State)
	if !ok {
		t.Fatalf("told %v, want a State", what)
	}
	return s
}

// expect waits for a State with these addresses, "a b", in Addresses and in Endpoints.
func (c *fakeConn) expect(t *testing.T, want string) resolver.State {
	t.Helper()
	s := c.state(t)
	if got := addressesOf(t, s); got != want {
		t.Fatalf("State of %q, want %q", got, want)
	}
	return s
}

// expectError waits for an error with text in it.
func (c *fakeConn) expectError(t *testing.T, text string) {
	t.Helper()
	what := c.next(t)
	if err, ok := what.(error); !ok || !strings.Contains(err.Error(), text) {
		t.Fatalf("told %v, want an error with %q", what, text)
	}
}

// addressesOf are those of a State, which must be the same in both of its forms, with
// the same Instances.
func addressesOf(t *testing.T, s resolver.State) string {
	t.Helper()
	var addrs []string
	i := 0
	for _, e := range s.Endpoints {
		for _, a := range e.Addresses {
			if i >= len(s.Addresses) || s.Addresses[i].Addr != a.Addr || !s.Addresses[i].BalancerAttributes.Equal(e.Attributes) || s.Addresses[i].Attributes != nil {
				t.Fatalf("Addresses %v, Endpoints %v", s.Addresses, s.Endpoints)
			}
			addrs = append(addrs, a.Addr)
			i++
		}
	}
	if i != len(s.Addresses) || s.Addresses == nil || s.Endpoints == nil {
		t.Fatalf("Addresses %v, Endpoints %v", s.Addresses, s.Endpoints)
	}
	return strings.Join(addrs, " ")
}

// instanceAt is the Instance of an address.
func instanceAt(t *testing.T, s resolver.State, addr string) Instance {
	t.Helper()
	i := slices.IndexFunc(s.Addresses, func(a resolver.Address) bool { return a.Addr == addr })
	if i < 0 {
		t.Fatalf("%q is not in %v", addr, s.Addresses)
	}
	found, ok := InstanceOf(s.Addresses[i].BalancerAttributes)
	if !ok {
		t.Fatalf("%q has no Instance", addr)
	}
	return found
}

// ways are the two kinds of builder, for an agent, and the target that each needs.
func ways(a agent, opts ...Option) map[string]struct {
	builder resolver.Builder
	target  string
} {
	return map[string]struct {
		builder resolver.Builder
		target  string
	}{
		"NewBuilder":           {NewBuilder(opts...), "consul://" + a.Address() + "/"},
		"NewBuilderWithClient": {NewBuilderWithClient(a.Client(), opts...), "consul:///"},
	}
}

// described registers an instance that has all that an Instance tells of.
func described(t *testing.T, a agent, service, id, address string, meta map[string]string) {
	t.Helper()
	err := a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: service + "-" + id, Name: service, Address: address, Port: 80,
		Tags: []string{"v1", "eu"}, Meta: meta, Weights: &api.AgentWeights{Passing: 7, Warning: 3},
		Check: &api.AgentServiceCheck{CheckID: service + "-" + id, TTL: "1h", Status: api.HealthPassing},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Client().Agent().ServiceDeregister(service + "-" + id) })
}
