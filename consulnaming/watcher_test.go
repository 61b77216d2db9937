package consulnaming

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// The article's loop: the first Next returns the full set, the others the
// changes, deletes first.
func TestNext(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		register(t, a, s, "b", "10.0.0.2", 80)
		register(t, a, s, "a", "10.0.0.1", 80)
		w := watching(t, NewConsulResolver(a.Address(), s))
		expect(t, w, "+10.0.0.1:80 +10.0.0.2:80")
		register(t, a, s, "c", "10.0.0.3", 80)
		expect(t, w, "+10.0.0.3:80")
		deregister(t, a, s, "a")
		expect(t, w, "-10.0.0.1:80")
		register(t, a, s, "b", "10.0.0.4", 80) // moved
		expect(t, w, "-10.0.0.2:80 +10.0.0.4:80")
	})
}

// "First Next returns the full set, also when empty."
func TestFirstNextEmpty(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		w := watching(t, NewConsulResolver(a.Address(), s))
		expect(t, w, "")
		register(t, a, s, "a", "10.0.0.1", 80)
		expect(t, w, "+10.0.0.1:80")
	})
}

// "Empty Service.Address -> Node.Address", "duplicate host:port -> one address",
// "IPv6 joined properly", "port 0 -> skipped with a warning", from the agent on.
func TestOddEntries(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		log := logged.Mark()
		register(t, a, s, "empty", "", 81)
		register(t, a, s, "v6", "2001:db8::1", 82)
		register(t, a, s, "twin1", "10.0.0.3", 83)
		register(t, a, s, "twin2", "10.0.0.3", 83)
		register(t, a, s, "portless", "10.0.0.4", 0)
		w := watching(t, NewConsulResolver(a.Address(), s))
		expect(t, w, "+10.0.0.3:83 +127.0.0.1:81 +[2001:db8::1]:82")
		deregister(t, a, s, "twin1")
		deregister(t, a, s, "empty")
		expect(t, w, "-127.0.0.1:81") // and not the twin's address
		warnings := func() int { return strings.Count(log(), s+"-portless\" is left out: port 0") }
		if n := warnings(); n != 1 {
			t.Errorf("%d warnings about the instance without port, want one for all answers", n)
		}
		register(t, a, s, "portless", "10.0.0.4", 84)
		expect(t, w, "+10.0.0.4:84")
		register(t, a, s, "portless", "10.0.0.4", 0)
		expect(t, w, "-10.0.0.4:84")
		if n := warnings(); n != 2 {
			t.Errorf("%d warnings after it was there for a while, want another", n)
		}
	})
}

func TestClose(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		w := watching(t, NewConsulResolver(a.Address(), s))
		w.Close() // before any Next
		w.Close()
		if _, err := w.Next(); err == nil {
			t.Error("Next after Close returns no error")
		}

		w = watching(t, NewConsulResolver(a.Address(), s))
		expect(t, w, "")
		done := make(chan error, 1)
		go func() {
			_, err := w.Next()
			done <- err
		}()
		if server, ok := a.(*consultest.Server); ok {
			if err := server.Await(testContext(t), func(s consultest.Stats) bool { return s.Blocked == 1 }); err != nil {
				t.Fatal(err)
			}
		}
		w.Close() // "Close cancels the query in flight"
		select {
		case err := <-done:
			if err != errClosed {
				t.Errorf("Next: %v, want %v", err, errClosed)
			}
		case <-time.After(patience):
			t.Error("Close does not end Next")
		}
		if server, ok := a.(*consultest.Server); ok {
			if err := server.Await(testContext(t), func(s consultest.Stats) bool { return s.Open == 0 }); err != nil {
				t.Errorf("the query is still in flight: %v", err)
			}
		}
	})
}

// The query that Close ends has not failed.
func TestCloseIsNoFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		w := resolveOrFail(t, New(clientOf(t, silent), "svc"), "")
		w.OnError(func(err error) { t.Errorf("OnError(%v)", err) })
		done := drain(w)
		synctest.Wait()
		w.Close()
		<-done
		synctest.Wait()
		if text := log(); text != "" {
			t.Errorf("log %q", text)
		}
	})
}

// "Error -> logged, backoff ..., never returned from Next", and the watch comes
// back, for whatever an agent or something in its place may answer.
func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		fault consultest.Fault
		want  string // in the reason
	}{
		"500":            {consultest.Status(500, "No cluster leader"), "No cluster leader"},
		"429":            {consultest.Status(429, "Your IP is issuing too many concurrent connections"), "too many concurrent"},
		"403":            {consultest.Status(403, "Permission denied"), "Permission denied"},
		"HTML":           {consultest.Body("text/html", "<!doctype html><title>Sign in</title>"), "not what a Consul agent says"},
		"another shape":  {consultest.Body("application/json", `{"error": "no"}`), "not what a Consul agent says"},
		"null":           {consultest.Body("application/json", `null`), "not what a Consul agent says"},
		"other objects":  {consultest.Body("application/json", `[{"foo": 1}]`), "not what a Consul agent says"},
		"another's []":   {consultest.Body("application/json", `[]`), "not what a Consul agent says"},
		"malformed":      {consultest.Body("application/json", `[{"Node":`), "unexpected EOF"},
		"cut":            {consultest.CutBody(10), "EOF"},
		"endless reason": {consultest.Status(500, strings.Repeat("x", 1<<20)), "xxx..."},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			log := logged.Mark()
			register(t, s, "svc", "a", "10.0.0.1", 80)
			w := watching(t, NewConsulResolver(s.Address(), "svc"))
			reasons := make(chan error, 100)
			w.OnError(func(err error) { reasons <- err })
			remove := s.Inject(test.fault)
			result := make(chan string, 1)
			go func() {
				updates, err := w.Next()
				result <- text(updates) + fmt.Sprint(err)
			}()
			for range 2 { // it goes on trying
				select {
				case err := <-reasons:
					for _, want := range []string{test.want, `"svc"`, s.Address()} {
						if !strings.Contains(err.Error(), want) {
							t.Errorf("reason %q, want %q in it", err, want)
						}
					}
					if len(err.Error()) > errorLength+200 {
						t.Errorf("a reason of %d bytes", len(err.Error()))
					}
				case <-time.After(patience):
					t.Fatal("no reason is reported")
				}
			}
			remove()
			for err := range reasons {
				if err == nil { // "that is over"
					break
				}
			}
			select {
			case got := <-result:
				if got != "+10.0.0.1:80<nil>" {
					t.Errorf("Next: %s", got)
				}
			case <-time.After(patience):
				t.Error("the watch does not come back")
			}
			if !strings.Contains(log(), test.want) {
				t.Errorf("%q is not in the log", test.want)
			}
		})
	}
}

// That a failure is over is told also when everything is as it was before, to
// either kind of view.
func TestRecoveryWithoutChange(t *testing.T) {
	for name, o := range map[string][]Option{
		"plain":        nil,
		"MetadataFunc": {MetadataFunc(func(*api.ServiceEntry) interface{} { return nil })},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen requests
				client := clientOf(t, func(r *http.Request) (*http.Response, error) {
					switch seen.add(r) {
					case 1, 3:
						return reply(7, anInstance)
					case 2:
						return nil, errRefused
					}
					return silent(r)
				})
				w := resolveOrFail(t, New(client, "svc", o...), "")
				var told []error
				w.OnError(func(err error) { told = append(told, err) })
				expect(t, w, "+10.0.0.1:80")
				done := drain(w)
				time.Sleep(2 * firstRetry)
				synctest.Wait()
				if len(told) != 2 || told[0] == nil || told[1] != nil {
					t.Errorf("told %v, want a reason and nil", told)
				}
				w.Close()
				<-done
			})
		})
	}
}

// "Index lower than before -> start again from 0": an agent that was restarted
// with nothing. The article waited for the index to catch up.
func TestIndexGoesBack(t *testing.T) {
	s := standIn(t)
	for _, id := range []string{"a", "b", "c", "d"} { // drives the index up
		register(t, s, "svc", id, "10.0.0.1", 80)
	}
	// net/http sends a query again by itself, with the old index, when its
	// connection breaks. That one blocks: hence the short wait.
	client, seen := recorded(t, s.Address())
	w := watching(t, New(client, "svc", QueryOptions(&api.QueryOptions{WaitTime: 100 * time.Millisecond})))
	expect(t, w, "+10.0.0.1:80")
	high := seen.await(t, func(i uint64) bool { return i > 0 })
	s.Reset()
	expect(t, w, "-10.0.0.1:80")
	register(t, s, "svc", "e", "10.0.0.5", 80)
	expect(t, w, "+10.0.0.5:80")
	seen.await(t, func(i uint64) bool { return i > 0 && i < high }) // else the test tests nothing
}

// "Index never below 1", and a missing one does no harm.
func TestOddIndex(t *testing.T) {
	for _, index := range []string{"", "0"} {
		s := standIn(t)
		register(t, s, "svc", "a", "10.0.0.1", 80)
		remove := s.Inject(consultest.Index(index))
		client, seen := recorded(t, s.Address())
		w := watching(t, New(client, "svc"))
		expect(t, w, "+10.0.0.1:80")
		if i := seen.await(t, func(i uint64) bool { return i > 0 }); i != 1 {
			t.Errorf("X-Consul-Index %q: the next query has index %d, want 1", index, i)
		}
		register(t, s, "svc", "b", "10.0.0.2", 80)
		expect(t, w, "+10.0.0.2:80")
		remove()
		deregister(t, s, "svc", "b")
		expect(t, w, "-10.0.0.2:80")
	}
}

// An index that no Consul gets to would block until the wait is over.
func TestAbsurdIndex(t *testing.T) {
	for _, index := range []string{"9007199254740992", "18446744073709551615"} {
		s := standIn(t)
		register(t, s, "svc", "a", "10.0.0.1", 80)
		remove := s.Inject(consultest.Index(index))
		w := watching(t, NewConsulResolver(s.Address(), "svc"))
		expect(t, w, "+10.0.0.1:80")
		register(t, s, "svc", "b", "10.0.0.2", 80)
		expect(t, w, "+10.0.0.2:80")
		remove() // Go's client repeats the query in flight
		deregister(t, s, "svc", "b")
		expect(t, w, "-10.0.0.2:80")
	}
}

// Instances of other services, or ones that come back before anybody looked, are
// no change.
func TestNoChangeNoReturn(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		register(t, a, s, "a", "10.0.0.1", 80)
		w := watching(t, NewConsulResolver(a.Address(), s))
		expect(t, w, "+10.0.0.1:80")
		if server, ok := a.(*consultest.Server); ok {
			// With a Next that waits already, so that each change is seen alone.
			got := nextLater(w)
			blocked := func(queries int) {
				t.Helper()
				if err := server.Await(testContext(t), func(s consultest.Stats) bool { return s.Blocked == 1 && s.Queries >= queries }); err != nil {
					t.Fatal(err)
				}
			}
			blocked(0)
			queries := server.Stats().Queries
			register(t, a, s, "a", "10.0.0.1", 80, "other-tag") // no change of addresses
			blocked(queries + 1)
			register(t, a, s, "c", "10.0.0.3", 80)
			if got := <-got; got != "+10.0.0.3:80<nil>" {
				t.Fatalf("Next: %s", got)
			}
			deregister(t, a, s, "c")
			expect(t, w, "-10.0.0.3:80")
		}
		register(t, a, s+"-other", "x", "10.0.0.9", 80)
		register(t, a, s, "a", "10.0.0.1", 80, "new-tag") // wakes the query, changes no address
		register(t, a, s, "b", "10.0.0.2", 80)
		expect(t, w, "+10.0.0.2:80")
	})
}

// Consul's own words for an instance that is not healthy.
func TestPassingOnly(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		client := a.Client().Agent()
		err := client.ServiceRegister(&api.AgentServiceRegistration{
			ID: s, Name: s, Address: "10.0.0.1", Port: 80,
			Check: &api.AgentServiceCheck{CheckID: s + "-check", TTL: "1h", Status: api.HealthPassing},
		})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = client.ServiceDeregister(s) }()
		healthy := watching(t, New(a.Client(), s))
		all := watching(t, New(a.Client(), s, PassingOnly(false)))
		expect(t, healthy, "+10.0.0.1:80")
		expect(t, all, "+10.0.0.1:80")
		if err := client.UpdateTTL(s+"-check", "", api.HealthWarning); err != nil {
			t.Fatal(err)
		}
		expect(t, healthy, "-10.0.0.1:80")
		if err := client.UpdateTTL(s+"-check", "", api.HealthCritical); err != nil {
			t.Fatal(err)
		}
		register(t, a, s, "b", "10.0.0.2", 80)
		expect(t, all, "+10.0.0.2:80") // and no Delete before
		expect(t, healthy, "+10.0.0.2:80")
		if err := client.UpdateTTL(s+"-check", "", api.HealthPassing); err != nil {
			t.Fatal(err)
		}
		expect(t, healthy, "+10.0.0.1:80")
	})
}

// A changed value is a Delete and an Add.
func TestMetadataChanges(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		register(t, a, s, "a", "10.0.0.1", 80, "v1")
		w := watching(t, New(a.Client(), s, MetadataFunc(func(e *api.ServiceEntry) interface{} { return e.Service.Tags })))
		expect(t, w, "+10.0.0.1:80[[v1]]")
		register(t, a, s, "a", "10.0.0.1", 80, "v2")
		expect(t, w, "-10.0.0.1:80[[v1]] +10.0.0.1:80[[v2]]")
	})
}
