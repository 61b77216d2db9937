package consulnaming

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
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

// Grpc builds a resolver anew when a ClientConn wakes up. If Consul does not answer then,
// it gets what the one before knew; an answer comes before that.
func TestWhatOneBeforeKnew(t *testing.T) {
	for name, fault := range map[string]consultest.Fault{
		"silent": consultest.Silence(),
		"failed": consultest.Status(http.StatusInternalServerError, "No cluster leader"),
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			b := NewBuilderWithClient(s.Client())
			register(t, s, "svc", "a", "10.0.0.1", 80)
			register(t, s, "other", "a", "10.0.0.9", 80)
			cc, r := resolving(t, b, "consul:///svc")
			cc.expect(t, "10.0.0.1:80")
			r.Close()
			remove := s.Inject(fault)
			for range 2 { // the second follows one that had no answer
				cc, r = resolving(t, b, "consul:///svc")
				cc.expect(t, "10.0.0.1:80")
				r.Close()
			}
			other, _ := resolving(t, b, "consul:///other") // nobody knew that
			cc, _ = resolving(t, b, "consul:///svc")
			cc.expect(t, "10.0.0.1:80")
			register(t, s, "svc", "b", "10.0.0.2", 80)
			remove()
			s.DropConnections()
			for {
				if state, ok := cc.next(t).(resolver.State); ok && addressesOf(t, state) == "10.0.0.1:80 10.0.0.2:80" {
					break
				}
			}
			for {
				if state, ok := other.next(t).(resolver.State); ok {
					if got := addressesOf(t, state); got != "10.0.0.9:80" {
						t.Errorf("the other service has %q", got)
					}
					break
				}
			}
		})
	}
}

// What Consul says is newer than what one before knew, also that there is no instance.
func TestAnswerComesBeforeWhatOneKnew(t *testing.T) {
	s := standIn(t)
	b := NewBuilderWithClient(s.Client())
	register(t, s, "svc", "a", "10.0.0.1", 80)
	cc, r := resolving(t, b, "consul:///svc")
	cc.expect(t, "10.0.0.1:80")
	r.Close()
	deregister(t, s, "svc", "a")
	cc, r = resolving(t, b, "consul:///svc")
	cc.expect(t, "")
	r.Close()
	remove := s.Inject(consultest.Status(http.StatusInternalServerError, "No cluster leader"))
	defer remove()
	cc, _ = resolving(t, b, "consul:///svc")
	cc.expectError(t, "No cluster leader") // and no State: the last answer was that there is none
}
