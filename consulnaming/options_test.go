package consulnaming

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"
)

func TestTags(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		register(t, a, s, "a", "10.0.0.1", 80, "v1", "eu")
		register(t, a, s, "b", "10.0.0.2", 80, "v1")
		register(t, a, s, "c", "10.0.0.3", 80, "eu")
		expect(t, watching(t, New(a.Client(), s, Tags("v1", "eu"))), "+10.0.0.1:80")
		expect(t, watching(t, New(a.Client(), s, Tags("v1"))), "+10.0.0.1:80 +10.0.0.2:80")
		expect(t, watching(t, New(a.Client(), s, Tags(), nil)), "+10.0.0.1:80 +10.0.0.2:80 +10.0.0.3:80")
	})
}

// The options of the ecosystem's own reach the agent: each has an effect there.
func TestQueryOptions(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	register(t, a, s, "a", "10.0.0.1", 80, "eu")
	register(t, a, s, "b", "10.0.0.2", 80)
	for name, test := range map[string]struct {
		q    *api.QueryOptions
		want string // of Next, or in the reason
	}{
		"nil":         {nil, "+10.0.0.1:80 +10.0.0.2:80"},
		"filter":      {&api.QueryOptions{Filter: `"eu" in Service.Tags`}, "+10.0.0.1:80"},
		"stale":       {&api.QueryOptions{AllowStale: true}, "+10.0.0.1:80 +10.0.0.2:80"},
		"consistent":  {&api.QueryOptions{RequireConsistent: true}, "+10.0.0.1:80 +10.0.0.2:80"},
		"cached":      {&api.QueryOptions{UseCache: true}, "+10.0.0.1:80 +10.0.0.2:80"},
		"near":        {&api.QueryOptions{Near: "_agent"}, "+10.0.0.1:80 +10.0.0.2:80"},
		"old index":   {&api.QueryOptions{WaitIndex: 1 << 40, WaitTime: time.Hour}, "+10.0.0.1:80 +10.0.0.2:80"},
		"datacenter":  {&api.QueryOptions{Datacenter: "nowhere"}, "No path to datacenter"},
		"namespace":   {&api.QueryOptions{Namespace: "ns1"}, "Consul Enterprise"},
		"partition":   {&api.QueryOptions{Partition: "p1"}, "Consul Enterprise"},
		"peer":        {&api.QueryOptions{Peer: "other-cluster"}, ""}, // which nobody has
		"wrong token": {&api.QueryOptions{Token: "no-such-token"}, "+10.0.0.1:80 +10.0.0.2:80"},
	} {
		t.Run(name, func(t *testing.T) {
			w := watching(t, New(a.Client(), s, QueryOptions(test.q)))
			reasons := make(chan error, 1)
			w.OnError(func(err error) {
				select {
				case reasons <- err:
				default:
				}
			})
			got := make(chan string, 1)
			done := make(chan struct{})
			go func() {
				defer close(done)
				if u, err := w.Next(); err == nil {
					got <- text(u)
				}
			}()
			select {
			case got := <-got:
				if got != test.want {
					t.Errorf("Next: %q, want %q", got, test.want)
				}
			case err := <-reasons:
				if test.want == "" || !strings.Contains(err.Error(), test.want) {
					t.Errorf("reason %v, want %q", err, test.want)
				}
			case <-time.After(patience):
				t.Error("nothing happens")
			}
			w.Close()
			<-done
		})
	}
}

// A change is seen through the agent's cache as well.
func TestCachedQuerySeesChanges(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	w := watching(t, New(a.Client(), s, QueryOptions(&api.QueryOptions{UseCache: true})))
	expect(t, w, "")
	register(t, a, s, "a", "10.0.0.1", 80)
	expect(t, w, "+10.0.0.1:80")
}

func TestTaggedAddress(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		err := a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
			ID: s, Name: s, Address: "10.0.0.1", Port: 80,
			TaggedAddresses: map[string]api.ServiceAddress{"wan": {Address: "198.51.100.1", Port: 8080}},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = a.Client().Agent().ServiceDeregister(s) }()
		expect(t, watching(t, New(a.Client(), s, AddressFunc(func(e *api.ServiceEntry) api.ServiceAddress {
			return e.Service.TaggedAddresses["wan"]
		}))), "+198.51.100.1:8080")
	})
}

// "An instance without address or port is left out, with a warning in the log", and
// with one for all answers.
func TestAddressFuncLeavesOut(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	log := logged.Mark()
	w := watching(t, New(s.Client(), "svc", AddressFunc(func(e *api.ServiceEntry) (a api.ServiceAddress) {
		if e.Service.ID != "svc-a" {
			a = serviceAddress(e)
		}
		return a
	})))
	expect(t, w, "")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, w, "+10.0.0.2:80")
	if n := strings.Count(log(), `svc-a" is left out`); n != 1 {
		t.Errorf("%d warnings about the instance without address, want one", n)
	}
}

// The caller's slice and options are copied.
func TestOptionsAreCopied(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80, "v1")
	tags := []string{"v1"}
	q := &api.QueryOptions{}
	r := New(s.Client(), "svc", Tags(tags...), QueryOptions(q))
	tags[0], q.Datacenter = "v2", "nowhere"
	expect(t, watching(t, r), "+10.0.0.1:80")
}

// "The last non-empty set is kept when the answer becomes empty, by default it
// goes, as in 1.29.1", for either kind of view, and for a watcher that is slow.
func TestKeepLastKnown(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		log := logged.Mark()
		client := a.Client()
		id := MetadataFunc(func(e *api.ServiceEntry) interface{} { return strings.TrimPrefix(e.Service.ID, s) })
		plain := watching(t, New(client, s))
		keeping := watching(t, New(client, s, KeepLastKnown()))
		slow := watching(t, New(client, s, KeepLastKnown()))
		named := watching(t, New(client, s, KeepLastKnown(), id))
		for _, w := range []*watcher{plain, keeping, slow, named} {
			expect(t, w, "") // nothing is known that could be kept
		}
		register(t, a, s, "a", "10.0.0.1", 80)
		expect(t, plain, "+10.0.0.1:80")
		expect(t, keeping, "+10.0.0.1:80")
		expect(t, slow, "+10.0.0.1:80")
		expect(t, named, "+10.0.0.1:80[-a]")
		updates, named2 := nexts(keeping), nexts(named)
		for range 2 {
			deregister(t, a, s, "a")
			expect(t, plain, "-10.0.0.1:80")
			eventually(t, "both say that they keep it", func() bool {
				return strings.Count(log(), "the last 1 are kept") >= 2
			})
			register(t, a, s, "a", "10.0.0.1", 80)
			expect(t, plain, "+10.0.0.1:80")
			// The others say nothing of that, and another instance shows when they
			// know it: one that does not yet may miss that there was any.
			register(t, a, s, "c", "10.0.0.3", 80)
			expect(t, plain, "+10.0.0.3:80")
			receive(t, updates, "+10.0.0.3:80")
			receive(t, named2, "+10.0.0.3:80[-c]")
			deregister(t, a, s, "c")
			expect(t, plain, "-10.0.0.3:80")
			receive(t, updates, "-10.0.0.3:80")
			receive(t, named2, "-10.0.0.3:80[-c]")
			log = logged.Mark()
		}
		deregister(t, a, s, "a")
		expect(t, plain, "-10.0.0.1:80")
		register(t, a, s, "b", "10.0.0.2", 80)
		expect(t, plain, "+10.0.0.2:80")
		receive(t, updates, "-10.0.0.1:80 +10.0.0.2:80")
		receive(t, named2, "-10.0.0.1:80[-a] +10.0.0.2:80[-b]")
		expect(t, slow, "-10.0.0.1:80 +10.0.0.2:80")
	})
}

// An agent that goes on saying that there is no instance is no news, and one line of
// the log. Where there is a MetadataFunc, each answer is looked at.
func TestKeepLastKnownIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		var seen requests
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			switch n := seen.add(r); {
			case n == 1:
				return reply(n, anInstance)
			case n <= 10:
				time.Sleep(time.Millisecond) // until the answer before has been looked at
				return reply(n, "[]")
			}
			return silent(r)
		})
		w := resolveOrFail(t, New(client, "svc", KeepLastKnown(), MetadataFunc(func(*api.ServiceEntry) interface{} { return nil })), "")
		expect(t, w, "+10.0.0.1:80")
		done := drain(w)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := seen.count(); n <= 10 {
			t.Errorf("%d queries", n) // then the test is of no use
		}
		if n := strings.Count(log(), "the last 1 are kept"); n != 1 {
			t.Errorf("%d lines of the log, want one", n)
		}
		w.Close()
		<-done
	})
}
