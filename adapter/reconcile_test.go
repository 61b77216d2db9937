package adapter

import (
	"slices"
	"testing"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// Whatever list a Balancer names next, the SubConns are those of the addresses in
// it, and what stays keeps its own.
func TestReconcile(t *testing.T) {
	for name, lists := range map[string][]string{
		"appended":    {"abc", "abcd", "abcde"},
		"removed":     {"abcdef", "bcdef", "bcde", "bde"},
		"both":        {"abcdef", "bdefg", "efgh"},
		"reordered":   {"abcd", "dcba", "badc"},
		"repeated":    {"aba", "baab", "b", "bb"},
		"all other":   {"abc", "def", "abc"},
		"none":        {"abc", "", "cba"},
		"moved, gone": {"abcdef", "fabde", "dbf"},
	} {
		t.Run(name, func(t *testing.T) {
			p, cc, tell := policyUnderTest(&scriptBalancer{})
			defer p.Close()
			had := make(map[string]*fakeSubConn)
			for _, list := range lists {
				before := len(cc.subConns)
				var addresses []Address
				var dialled []string
				for _, r := range list {
					addresses = append(addresses, Address{Addr: string(r), Metadata: []string{string(r)}})
					dialled = append(dialled, string(r))
				}
				tell(v1State{addresses: addresses}, dialled...)
				have := make(map[string]*fakeSubConn)
				for _, s := range cc.subConns {
					if !s.shutdown {
						if have[s.addr] != nil {
							t.Fatalf("%q: %q has two SubConns", list, s.addr)
						}
						have[s.addr] = s
					}
				}
				fresh := 0
				for _, a := range addresses {
					s := have[a.Addr]
					if s == nil || had[a.Addr] != nil && had[a.Addr] != s {
						t.Fatalf("%q: %q has not kept its SubConn", list, a.Addr)
					}
					if p.routes.find(a) == nil {
						t.Fatalf("%q: no way to %q", list, a.Addr)
					}
					if had[a.Addr] == nil {
						had[a.Addr] = s
						fresh++
					}
				}
				for addr := range have {
					if !slices.Contains(dialled, addr) {
						t.Fatalf("%q: %q is still there", list, addr)
					}
				}
				for addr := range had {
					if have[addr] == nil {
						delete(had, addr)
					}
				}
				if n := len(cc.subConns) - before; n != fresh {
					t.Fatalf("%q: %d new SubConns, want %d", list, n, fresh)
				}
				if len(p.routes.byAddr) != len(have) || len(p.list) != len(have) {
					t.Fatalf("%q: %d routes, %d conns for %d addresses", list, len(p.routes.byAddr), len(p.list), len(have))
				}
			}
		})
	}
}

// A pick may come to a picker of an older State, which finds what is new all the
// same.
func TestOldPickerFindsNewConns(t *testing.T) {
	script := &scriptBalancer{get: func() (Address, func(), error) { return Address{Addr: "c"}, nil, nil }}
	p, cc, tell := policyUnderTest(script)
	defer p.Close()
	tell(v1State{addresses: []Address{{Addr: "a"}, {Addr: "b"}}}, "a", "b")
	old := cc.last().Picker
	tell(v1State{addresses: []Address{{Addr: "b"}, {Addr: "c"}}}, "b", "c")
	cc.subConns[2].enter(connectivity.Ready)
	r, err := old.Pick(balancer.PickInfo{Ctx: t.Context()})
	if err != nil || r.SubConn != balancer.SubConn(cc.subConns[2]) {
		t.Errorf("%v, %v, want the new SubConn", r.SubConn, err)
	}
}

// A State that grpc has to make endpoints for costs it more than all the rest.
func TestStateHasNoEndpointsToMake(t *testing.T) {
	b := newBridge(&balancerOption{}, "svc", nil, resolver.BuildOptions{})
	s := b.state(&v1State{addresses: []Address{{Addr: "a"}}})
	if s.Endpoints == nil || len(s.Endpoints) > 0 {
		t.Errorf("endpoints are %v, want none, and not nil", s.Endpoints)
	}
	if v, ok := s.Attributes.Value(v1StateKey{}).(*v1State); !ok || v.Equal(new(v1State)) || s.Attributes.Equal(attributes.New(1, 1)) {
		t.Error("the policy does not find its own state")
	}
}
