package adapter

import (
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// Each address is dialled once, and where grpc says that it is to be dialled, which
// may be a proxy.
func TestPolicyDialsWhatTheStateSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHalves(t, &scriptBalancer{})
		defer h.close()
		proxies := []string{"proxy:1", "proxy:1", "proxy:1"}
		h.became = func(addrs []resolver.Address) (become []resolver.Address) {
			for _, p := range proxies {
				become = append(become, resolver.Address{Addr: p})
			}
			return become
		}
		want := func(when, alive string) {
			t.Helper()
			if got := h.alive(); got != alive {
				t.Errorf("%s: the SubConns are %q, want %q", when, got, alive)
			}
		}
		a, b := Address{Addr: "a:1"}, Address{Addr: "b:1"}
		h.list(a, b, a)
		want("one named twice", "0=proxy:1 1=proxy:1")
		proxies = []string{"proxy:1", "proxy:2"}
		h.list(a, b)
		want("a proxy that moves", "0=proxy:1 2=proxy:2")
		h.closing = true
		proxies = append(proxies, "proxy:1")
		h.list(a, b, Address{Addr: "c:1"})
		want("a ClientConn that is closing", "0=proxy:1 2=proxy:2")
		proxies = nil
		h.list(a)
		want("a State that grpc has lost one of", "0=proxy:1 2=proxy:2")
	})
}

// Whatever list a Balancer names next, the SubConns are those of the addresses in
// it, what stays keeps its own, and picks find it.
func TestPolicyFollowsTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		var get Address
		h := newHalves(t, &scriptBalancer{get: func() (Address, func(), error) { return get, nil, nil }})
		defer h.close()
		var list []Address
		had := make(map[string]*fakeSubConn)
		for range 500 {
			switch n := rnd.IntN(10); {
			case n == 0:
				rnd.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			case n == 1:
				list = nil
			case n < 5 && len(list) > 0:
				i := rnd.IntN(len(list))
				list = slices.Delete(list, i, i+1)
			default: // may be there already
				addr := string(rune('a' + rnd.IntN(8)))
				list = slices.Insert(list, rnd.IntN(len(list)+1), Address{addr, []string{"not comparable"}})
			}
			h.list(list...)
			have := make(map[string]*fakeSubConn)
			for _, s := range h.subConns {
				if s.shutdown {
					continue
				}
				if have[s.addr] != nil || had[s.addr] != nil && had[s.addr] != s {
					t.Fatalf("%v: %q has another SubConn", list, s.addr)
				}
				if have[s.addr] = s; had[s.addr] == nil {
					s.enter(connectivity.Ready)
				}
			}
			for _, get = range list {
				if s, err := h.pick(t); err != nil || s != have[get.Addr] {
					t.Fatalf("%v: the pick of %q leads to %v, %v", list, get.Addr, s, err)
				}
			}
			for addr := range have {
				if !slices.ContainsFunc(list, func(a Address) bool { return a.Addr == addr }) {
					t.Fatalf("%v: %q is still there", list, addr)
				}
			}
			had = have
		}
	})
}

// A list that the Balancer changes after it has sent it, while grpc is busy.
func TestPolicyDialsWhatWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHalves(t, &scriptBalancer{})
		defer h.close()
		busy := make(chan struct{})
		h.became = func(a []resolver.Address) []resolver.Address { <-busy; return a }
		h.list(Address{Addr: "a:1"})
		list := []Address{{Addr: "b:1"}}
		h.list(list...) // is read by now
		list[0].Addr = "not sent:1"
		close(busy)
		synctest.Wait()
		if got := h.alive(); got != "1=b:1" {
			t.Errorf("the SubConns are %q, want one for the address that was sent", got)
		}
	})
}

// RPCs to an address that is down show the newest reason. A status in that, such
// as one that the dialer returned, is none of theirs.
func TestPolicyShowsWhyAnAddressIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := Address{Addr: "a:1"}
		h := newHalves(t, &scriptBalancer{get: func() (Address, func(), error) { return a, nil, nil }})
		defer h.close()
		h.list(a)
		for _, reason := range []string{"refused", "reset"} {
			h.subConns[0].fail(connectivity.TransientFailure, status.Error(codes.PermissionDenied, reason))
			_, err := h.pick(t)
			if err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%v, want an error with %q", err, reason)
			}
			if s, ok := status.FromError(err); ok {
				t.Errorf("%v is a status, %v", err, s.Code())
			}
		}
	})
}

// Picks that are refused cause one more try each refreshTime, and none after
// Close.
func TestPolicyRefresh(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHalves(t, &scriptBalancer{get: func() (Address, func(), error) { return Address{Addr: "unknown"}, nil, nil }})
		h.list(Address{Addr: "a:1"})
		tries := func(d time.Duration, want int) {
			t.Helper()
			before, _ := h.told()
			elapse(d)
			if n, _ := h.told(); n-before != want {
				t.Errorf("%d tries in %v, want %d", n-before, d, want)
			}
		}
		for range 100 {
			if _, err := h.pick(t); err != balancer.ErrNoSubConnAvailable {
				t.Fatal(err)
			}
		}
		tries(refreshTime/2, 0)
		tries(10*refreshTime, 1)
		h.pick(t)
		h.policy.Close()
		before, _ := h.told()
		h.pick(t)
		h.subConns[0].enter(connectivity.Ready)
		tries(10*refreshTime, 0)
		if n, _ := h.told(); n != before {
			t.Error("UpdateState after Close")
		}
		h.resolver.Close()
	})
}

// Grpc closes the resolver, and thereby the Balancer, before it takes the picker
// away: a pick in between does not ask Get. An error of grpc's own ends nothing.
func TestPickAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gets, a := 0, Address{Addr: "a:1"}
		h := newHalves(t, &scriptBalancer{get: func() (Address, func(), error) { gets++; return a, nil, nil }})
		defer h.close()
		h.list(a)
		h.subConns[0].enter(connectivity.Ready)
		if s, err := h.pick(t); err != nil || s != h.subConns[0] {
			t.Fatalf("%v, %v before Close", s, err)
		}
		h.policy.ResolverError(errors.New("no"))
		if s, err := h.pick(t); err != nil || s != h.subConns[0] {
			t.Fatalf("%v, %v after an error", s, err)
		}
		h.resolver.Close()
		if _, err := h.pick(t); err != balancer.ErrNoSubConnAvailable || gets != 2 {
			t.Errorf("%v after Close, and Get was called %d times, want twice", err, gets)
		}
	})
}
