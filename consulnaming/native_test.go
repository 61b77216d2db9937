package consulnaming

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// A State for what there is, and one for each change, also when there is nothing.
func TestStates(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		for name, way := range ways(a) {
			t.Run(name, func(t *testing.T) {
				s := serviceName(t)
				cc, _ := resolving(t, way.builder, way.target+strings.ReplaceAll(s, "/", "%2F"))
				cc.expect(t, "")
				register(t, a, s, "b", "10.0.0.2", 80)
				cc.expect(t, "10.0.0.2:80")
				register(t, a, s, "a", "2001:db8::1", 80)
				cc.expect(t, "10.0.0.2:80 [2001:db8::1]:80")
				deregister(t, a, s, "b")
				cc.expect(t, "[2001:db8::1]:80")
				deregister(t, a, s, "a")
				cc.expect(t, "")
			})
		}
	})
}

// What comes again without a change that can be seen is no State.
func TestNoChangeIsNoState(t *testing.T) {
	for name, opts := range map[string][]Option{"shared list": nil, "own list": {AddressFunc(serviceAddress)}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen requests
				client := clientOf(t, func(r *http.Request) (*http.Response, error) {
					if n := seen.add(r); n < 5 {
						time.Sleep(time.Second)
						return reply(n, anInstance)
					}
					return silent(r)
				})
				cc, r := resolving(t, NewBuilderWithClient(client, opts...), "consul:///svc")
				time.Sleep(30 * time.Second)
				synctest.Wait()
				cc.expect(t, "10.0.0.1:80")
				if seen.count() != 5 || cc.count() != 1 {
					t.Errorf("told %d times after %d queries, want once after 5", cc.count(), seen.count())
				}
				r.Close()
				synctest.Wait()
				if n := r.(*nativeResolver).number; opts == nil && n != 1 {
					t.Errorf("the ClientConn was woken for %d answers, want one", n)
				}
			})
		})
	}
}

// Grpc is told each reason once, and that it is over by the State that it has already.
func TestReasonsAreReportedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reason atomic.Value // of the agent, or ""
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			select {
			case <-time.After(time.Second):
			case <-r.Context().Done():
				return nil, r.Context().Err()
			}
			if text := reason.Load().(string); text != "" {
				return &http.Response{StatusCode: 500, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}, nil
			}
			return reply(7, anInstance)
		})
		reason.Store("one")
		cc, r := resolving(t, NewBuilderWithClient(client), "consul:///svc")
		for _, text := range []string{"one", "two", "", "two", ""} {
			reason.Store(text)
			before := cc.count()
			time.Sleep(time.Minute)
			synctest.Wait()
			if n := cc.count() - before; n != 1 {
				t.Fatalf("told %d times in a minute, want once", n)
			}
			if text != "" {
				cc.expectError(t, text)
			} else {
				cc.expect(t, "10.0.0.1:80")
			}
		}
		r.Close()
		synctest.Wait()
	})
}

// Who comes later is told at once what is known, and then why there is nothing newer.
func TestLateResolverOfAFailingAgent(t *testing.T) {
	s := standIn(t)
	b := NewBuilderWithClient(s.Client())
	register(t, s, "svc", "a", "10.0.0.1", 80)
	early, _ := resolving(t, b, "consul:///svc")
	early.expect(t, "10.0.0.1:80")
	blocked(t, s, 1)
	remove := s.Inject(consultest.Status(http.StatusInternalServerError, "No cluster leader"))
	s.DropConnections()
	for {
		if err, ok := early.next(t).(error); ok && strings.Contains(err.Error(), "No cluster leader") {
			break
		}
	}
	late, _ := resolving(t, b, "consul:///svc")
	late.expect(t, "10.0.0.1:80")
	late.expectError(t, "No cluster leader")
	remove()
	late.expect(t, "10.0.0.1:80")
}

// 300 ClientConns have one query. It ends with the last of them.
func TestOneQueryForAllResolvers(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	for name, way := range ways(s) {
		t.Run(name, func(t *testing.T) {
			var conns []*fakeConn
			var resolvers []resolver.Resolver
			for range 300 {
				cc, r := resolving(t, way.builder, way.target+"svc?tag=&dc=")
				conns, resolvers = append(conns, cc), append(resolvers, r)
			}
			for _, cc := range conns {
				cc.expect(t, "10.0.0.1:80")
			}
			blocked(t, s, 1)
			before := s.Stats().Queries
			register(t, s, "svc", "b", "10.0.0.2", 80)
			for _, cc := range conns {
				cc.expect(t, "10.0.0.1:80 10.0.0.2:80")
			}
			blocked(t, s, 1)
			for _, r := range resolvers { // does not hurt the agent
				for range 10 {
					r.ResolveNow(resolver.ResolveNowOptions{})
				}
			}
			blocked(t, s, 1)
			if n := s.Stats().Queries - before; n != 1 {
				t.Errorf("%d queries for one change and 3,000 ResolveNow, want the one after the change", n)
			}
			for i, r := range resolvers {
				if i == len(resolvers)-1 {
					blocked(t, s, 1)
				}
				r.Close()
				r.Close()
			}
			blocked(t, s, 0)
			deregister(t, s, "svc", "b")
		})
	}
}

// A naming.Watcher of the same service does not get what was decoded for a State, nor
// the other way round.
func TestNativeAndNamingWatches(t *testing.T) {
	s := standIn(t)
	described(t, s, "svc", "a", "10.0.0.1", map[string]string{"zone": "a"})
	client := s.Client()
	expect(t, watching(t, NewConsulResolver(s.Address(), "svc")), "+10.0.0.1:80")
	expect(t, watching(t, New(client, "svc")), "+10.0.0.1:80")
	for _, way := range []struct {
		builder resolver.Builder
		target  string
	}{{NewBuilder(), "consul://" + s.Address() + "/svc"}, {NewBuilderWithClient(client), "consul:///svc"}} {
		cc, _ := resolving(t, way.builder, way.target)
		if i := instanceAt(t, cc.expect(t, "10.0.0.1:80"), "10.0.0.1:80"); i.Meta["zone"] != "a" {
			t.Errorf("the Instance is %+v", i)
		}
	}
	blocked(t, s, 4)
}

// An LB policy may sort, or spoil, what it gets.
func TestStatesAreTheConnsOwn(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	register(t, s, "svc", "b", "10.0.0.2", 80)
	b := NewBuilderWithClient(s.Client())
	one, _ := resolving(t, b, "consul:///svc")
	two, _ := resolving(t, b, "consul:///svc")
	const all = "10.0.0.1:80 10.0.0.2:80"
	first := one.expect(t, all)
	second := two.expect(t, all)
	first.Addresses[0], first.Addresses[1] = first.Addresses[1], first.Addresses[0]
	if a, b := first.Endpoints[0].Addresses[0].Addr, first.Endpoints[1].Addresses[0].Addr; a+" "+b != all {
		t.Errorf("Endpoints are %q and %q when Addresses are sorted in place", a, b)
	}
	_ = append(first.Endpoints[0].Addresses, resolver.Address{Addr: "spoilt"})
	_ = append(first.Addresses, resolver.Address{Addr: "spoilt"})
	if a, b := first.Endpoints[0].Addresses[0].Addr, first.Endpoints[1].Addresses[0].Addr; a+" "+b != all {
		t.Errorf("Endpoints are %q and %q when something is appended", a, b)
	}
	for i := range first.Addresses {
		first.Addresses[i].Addr, first.Endpoints[i].Addresses[0].Addr = "spoilt", "spoilt"
		first.Endpoints[i] = resolver.Endpoint{}
	}
	if got := addressesOf(t, second); got != all {
		t.Errorf("another ClientConn has %q", got)
	}
	register(t, s, "svc", "c", "10.0.0.3", 80)
	one.expect(t, all+" 10.0.0.3:80")
	two.expect(t, all+" 10.0.0.3:80")
}
