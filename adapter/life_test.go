package adapter

// Calls of a balancer that take long, fail or panic, and what comes between two of
// its lives.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// livesOf returns a function that begins a life of b, as Dial and the end of
// idleness do.
func livesOf(t *testing.T, b Balancer) (begin func() resolver.Resolver) {
	builder := &bridgeBuilder{option: &balancerOption{balancer: b}}
	return func() resolver.Resolver {
		r := build(t, builder, &toldConn{})
		synctest.Wait()
		return r
	}
}

// A Balancer is closed once, also if its Start failed, as in v1.29.1, and whatever
// its Close does.
func TestCloseAfterFailedStart(t *testing.T) {
	for name, b := range map[string]*scriptBalancer{
		"Start fails":   {start: func(string, BalancerConfig) error { return errors.New("no") }},
		"Notify panics": {notify: func() <-chan []Address { panic("no channel") }},
		"Close panics":  {close: func() error { panic("close of closed channel") }},
	} {
		synctest.Test(t, func(t *testing.T) {
			livesOf(t, b)().Close()
			if calls := b.recorded(); slices.Index(calls, "Close") != len(calls)-1 {
				t.Errorf("%s: calls %q, want one Close, at the end", name, calls)
			}
		})
	}
}

// After idleness it is an RPC that waits for Start, and it has a deadline.
func TestSlowStartOnWake(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		starts := 0
		begin := livesOf(t, &scriptBalancer{start: func(string, BalancerConfig) error {
			if starts++; starts == 2 {
				<-release
			}
			return nil
		}})
		begin().Close()
		began := time.Now()
		r := begin()
		if took := time.Since(began); took > 0 || starts != 2 {
			t.Errorf("it takes %v, and Start was called %d times; want not to wait for the second", took, starts)
		}
		close(release)
		r.Close()
	})
}

// What Get says of addresses is not taken for a Balancer that cannot start twice.
func TestGetOfASecondLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		builder := &bridgeBuilder{option: &balancerOption{balancer: &scriptBalancer{
			get:    func() (Address, func(), error) { return Address{}, nil, status.Error(codes.Unavailable, "none") },
			notify: func() <-chan []Address { return nil },
		}}}
		begin(t, builder).close()
		h := begin(t, builder)
		defer h.close()
		if _, err := h.pick(t); err == nil || err.Error() != "none" {
			t.Errorf("the pick says %v, want what Get says", err)
		}
	})
}

// A life does not begin before the ones before it have ended, and one that ends
// before it has begun has nothing to close.
func TestStartWaitsForClose(t *testing.T) {
	for _, unbegun := range []int{0, 1, 2} {
		synctest.Test(t, func(t *testing.T) {
			release := make(chan struct{})
			b := &scriptBalancer{close: func() error { <-release; return nil }}
			begin := livesOf(t, b)
			begin().Close() // gives up after closeTime
			for range unbegun {
				r, began := begin(), time.Now()
				if r.Close(); time.Since(began) > closeTime {
					t.Errorf("another Close took %v", time.Since(began))
				}
			}
			r := begin()
			synctest.Wait()
			if got := fmt.Sprint(b.recorded()); got != "[Start Notify Close]" {
				t.Errorf("calls %s before Close has returned, want one life", got)
			}
			close(release)
			synctest.Wait()
			if got := fmt.Sprint(b.recorded()); got != "[Start Notify Close Start Notify]" {
				t.Errorf("after %d lives that did not begin: calls %s, want another life", unbegun, got)
			}
			r.Close()
		})
	}
}

// A ClientConn whose Start failed does not close the RoundRobin that another one
// has started meanwhile.
func TestFailedStartClosesNobodyElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newScriptWatcher()
		begin := livesOf(t, RoundRobin(inTurn(errors.New("no such service"), w)))
		bad, good := begin(), begin()
		bad.Close()
		if n := w.closeCount(); n != 0 {
			t.Errorf("the watcher of the other ClientConn was closed %d times", n)
		}
		good.Close()
	})
}

// A Close that ends its sender, which waits for somebody to receive.
func TestCloseIsReadWhileItRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		lists := make(chan []Address)
		r := livesOf(t, &scriptBalancer{
			notify: func() <-chan []Address { return lists },
			close:  func() error { lists <- nil; return nil },
		})()
		began := time.Now()
		r.Close()
		if took := time.Since(began); took > 0 {
			t.Errorf("Close took %v", took)
		}
	})
}

// The wrapper of a RoundRobin cannot be made twice; the second ClientConn takes
// over, and the first keeps what it has, as in v1.29.1.
func TestWrappedRoundRobinUnderTwoConns(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	option := WithBalancer(struct{ Balancer }{RoundRobin(r)})
	one := dial(t, "svc", option)
	r.watcher(t, 0).send(t, add(addrsOf(b...)...)...)
	callAll(t, one, b...)
	two := dial(t, "svc", option)
	if n := r.watcher(t, 0).closeCount(); n != 1 {
		t.Errorf("the first watcher was closed %d times, want once", n)
	}
	r.watcher(t, 1).send(t, add(addrsOf(b...)...)...)
	callAll(t, one, b...)
	callAll(t, two, b...)
}

// Dial waits ten seconds for a Start, and says so when it gives up. Close does not
// wait for it, and the Balancer is closed when it has started, or failed to.
func TestDialWaitsForStart(t *testing.T) {
	for _, result := range []error{nil, errors.New("no")} {
		synctest.Test(t, func(t *testing.T) {
			log := logged.Mark()
			release := make(chan struct{})
			b := &scriptBalancer{start: func(string, BalancerConfig) error { <-release; return result }}
			began := time.Now()
			r := livesOf(t, b)()
			if took := time.Since(began); took != 10*time.Second || !strings.Contains(log(), "Start has not returned") {
				t.Errorf("it took %v; in the log: %s", took, log())
			}
			r.Close()
			log = logged.Mark()
			if got := fmt.Sprint(b.recorded()); got != "[Start]" {
				t.Errorf("calls %s while Start runs", got)
			}
			close(release)
			synctest.Wait()
			if got := fmt.Sprint(b.recorded()); got != "[Start Close]" || log() != "" {
				t.Errorf("calls %s when it has returned, want Close and nothing else; in the log: %s", got, log())
			}
		})
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
