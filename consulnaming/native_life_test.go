package consulnaming

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"
)

// After Close nobody is told anything, also when a change comes with it.
func TestCloseOfAResolver(t *testing.T) {
	s := standIn(t)
	b := NewBuilderWithClient(s.Client())
	last, _ := resolving(t, b, "consul:///svc") // keeps the loop running
	last.state(t)
	for round := range 4 { // as many changes as the loop does not hold up
		type pair struct {
			cc *fakeConn
			r  resolver.Resolver
		}
		var pairs []pair
		for range 50 {
			cc, r := resolving(t, b, "consul:///svc")
			cc.state(t)
			pairs = append(pairs, pair{cc, r})
		}
		register(t, s, "svc", fmt.Sprint(round), "10.0.0.1", 1000+round)
		told := make([]int, len(pairs))
		for i, p := range pairs {
			p.r.Close()
			told[i] = p.cc.count()
		}
		last.state(t)
		for i, p := range pairs {
			if n := p.cc.count(); n != told[i] {
				t.Fatalf("told %d times, %d of them after Close", n, n-told[i])
			}
		}
	}
}

// A call that has begun when Close is called has ended when that returns.
func TestCloseWaitsForUpdateState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc := newFakeConn()
		ended := false
		cc.inUpdate = func() {
			time.Sleep(closeTime / 2)
			ended = true
		}
		r, err := build(t, NewBuilderWithClient(clientOf(t, oneAnswer)), "consul:///svc", cc)
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		r.Close()
		if cc.count() != 1 || !ended {
			t.Errorf("told %d times; that has ended: %v", cc.count(), ended)
		}
	})
}

// A ClientConn may be closed by an LB policy that is being told of a State.
func TestCloseWithinUpdateState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cc := newFakeConn()
		ready, closed := make(chan resolver.Resolver, 1), false
		cc.inUpdate = func() {
			(<-ready).Close()
			closed = true
		}
		r, err := build(t, NewBuilderWithClient(clientOf(t, oneAnswer)), "consul:///svc", cc)
		if err != nil {
			t.Fatal(err)
		}
		ready <- r
		time.Sleep(closeTime + time.Second)
		synctest.Wait()
		if !closed || cc.count() != 1 {
			t.Errorf("Close has returned: %v; told %d times, want once", closed, cc.count())
		}
		r.Close()
		synctest.Wait()
	})
}

// Stats tells of its watch as of any other.
func TestStatsOfAResolver(t *testing.T) {
	s := standIn(t)
	service := serviceName(t)
	register(t, s, service, "a", "10.0.0.1", 80, "x")
	b := NewBuilder()
	cc, _ := resolving(t, b, "consul://"+s.Address()+"/"+service+"?tag=x&dc=dc1")
	cc.expect(t, "10.0.0.1:80")
	two, r := resolving(t, b, "consul://"+s.Address()+"/"+service+"?tag=x&dc=dc1")
	two.expect(t, "10.0.0.1:80")
	now, _ := statsOf(t, service)
	if now.Agent != "agent "+s.Address() || now.Watchers != 2 || now.Instances != 1 || now.Datacenter != "dc1" || strings.Join(now.Tags, " ") != "x" {
		t.Errorf("%+v", now)
	}
	r.Close()
	if now, _ := statsOf(t, service); now.Watchers != 1 {
		t.Errorf("%d watchers after a Close, want one", now.Watchers)
	}
}
