package consulnaming

import (
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/naming"
)

// blocked waits until n queries of s are waiting, and none is on its way.
func blocked(t *testing.T, s *consultest.Server, n int) {
	t.Helper()
	if err := s.Await(testContext(t), func(s consultest.Stats) bool { return s.Open == n && s.Blocked == n }); err != nil {
		t.Fatalf("want %d queries outstanding: %v", n, err)
	}
}

// nexts calls Next until the end and sends what it returns, if anything.
func nexts(w naming.Watcher) <-chan string {
	c := make(chan string, 100)
	go func() {
		defer close(c)
		for {
			u, err := w.Next()
			if err != nil {
				return
			}
			c <- text(u)
		}
	}()
	return c
}

func receive(t *testing.T, c <-chan string, want string) {
	t.Helper()
	select {
	case got := <-c:
		if got != want {
			t.Fatalf("Next: %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("Next has not returned %q after %v", want, patience)
	}
}

// "Share one query loop, ... started by the first watcher, stopped by the last
// Close, nothing left behind, for NewConsulResolver as for New."
func TestOneQueryForAll(t *testing.T) {
	for name, resolver := range map[string]func(c *api.Client, address string) naming.Resolver{
		"NewConsulResolver": func(_ *api.Client, address string) naming.Resolver { return NewConsulResolver(address, "svc") },
		"New": func(c *api.Client, _ string) naming.Resolver {
			return New(c, "svc", Tags("x"), QueryOptions(&api.QueryOptions{AllowStale: true}))
		},
		"MetadataFunc": func(c *api.Client, _ string) naming.Resolver {
			return New(c, "svc", MetadataFunc(func(*api.ServiceEntry) interface{} { return nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			client := s.Client()
			register(t, s, "svc", "a", "10.0.0.1", 80, "x")
			var all []naming.Watcher
			var changes []<-chan string
			for range 300 {
				w := watching(t, resolver(client, s.Address()))
				all, changes = append(all, w), append(changes, nexts(w))
			}
			for _, c := range changes {
				receive(t, c, "+10.0.0.1:80")
			}
			blocked(t, s, 1)
			before := s.Stats().Queries
			register(t, s, "svc", "b", "10.0.0.2", 80, "x")
			for _, c := range changes {
				receive(t, c, "+10.0.0.2:80")
			}
			blocked(t, s, 1)
			if n := s.Stats().Queries - before; n != 1 {
				t.Errorf("%d queries for one change, want the one after it", n)
			}
			for i, w := range all {
				if i == len(all)-1 {
					blocked(t, s, 1)
				}
				w.Close()
				w.Close()
			}
			blocked(t, s, 0)
			for _, c := range changes {
				for range c { // ends, as Next does
				}
			}
			again := watching(t, resolver(client, s.Address()))
			expect(t, again, "+10.0.0.1:80 +10.0.0.2:80")
			again.Close()
			blocked(t, s, 0)
		})
	}
}

// The real agent allows 200 connections: of 300 watchers with a query each, 100
// got HTTP 429.
func TestManyWatchersOfTheRealConsul(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	register(t, a, s, "a", "10.0.0.1", 80)
	log := logged.Mark()
	var changes []<-chan string
	for range 300 {
		changes = append(changes, nexts(watching(t, NewConsulResolver(a.Address(), s))))
	}
	for _, c := range changes {
		receive(t, c, "+10.0.0.1:80")
	}
	register(t, a, s, "b", "10.0.0.2", 80)
	for _, c := range changes {
		receive(t, c, "+10.0.0.2:80")
	}
	if l := log(); strings.Contains(l, "429") || strings.Contains(l, s) {
		t.Errorf("logged: %s", l)
	}
}

// "A slow one skips intermediate states, and none holds up another."
func TestSlowWatcher(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	slow, quick := watching(t, New(client, "svc")), watching(t, New(client, "svc"))
	expect(t, slow, "+10.0.0.1:80")
	expect(t, quick, "+10.0.0.1:80")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, quick, "+10.0.0.2:80")
	register(t, s, "svc", "c", "10.0.0.3", 80)
	expect(t, quick, "+10.0.0.3:80")
	deregister(t, s, "svc", "a")
	expect(t, quick, "-10.0.0.1:80")
	deregister(t, s, "svc", "b")
	expect(t, quick, "-10.0.0.2:80")
	expect(t, slow, "-10.0.0.1:80 +10.0.0.3:80") // b came and went
	register(t, s, "svc", "d", "10.0.0.4", 80)
	expect(t, slow, "+10.0.0.4:80")
}

// A watcher that looks only when everything is as it was has nothing to tell.
func TestSlowWatcherSeesNoChange(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	slow, quick := watching(t, New(client, "svc")), watching(t, New(client, "svc"))
	expect(t, slow, "")
	expect(t, quick, "")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, quick, "+10.0.0.2:80")
	deregister(t, s, "svc", "b")
	expect(t, quick, "-10.0.0.2:80")
	c := nexts(slow)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	expect(t, quick, "+10.0.0.1:80")
	receive(t, c, "+10.0.0.1:80")
}

// A watcher that comes later is told at once what is known.
func TestLateWatcher(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	expect(t, watching(t, New(client, "svc")), "+10.0.0.1:80")
	blocked(t, s, 1)
	before := s.Stats().Queries
	late := watching(t, New(client, "svc"))
	expect(t, late, "+10.0.0.1:80")
	if n := s.Stats().Queries - before; n != 0 {
		t.Errorf("%d queries for a watcher that came later, want none", n)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, late, "+10.0.0.2:80")
}

// What is known comes before the reason why there is nothing newer.
func TestLateWatcherOfAFailingAgent(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	early, reasons := watching(t, New(client, "svc")), make(chan error, 100)
	early.OnError(func(err error) { reasons <- err })
	expect(t, early, "+10.0.0.1:80")
	blocked(t, s, 1)
	remove := s.Inject(consultest.Status(http.StatusInternalServerError, "No cluster leader"))
	s.DropConnections()
	c := nexts(early)
	if err := <-reasons; err == nil {
		t.Fatal("OnError(nil), want the reason")
	}

	late := watching(t, New(client, "svc"))
	var told []error
	recovered := make(chan struct{})
	late.OnError(func(err error) {
		if told = append(told, err); err == nil {
			close(recovered)
		}
	})
	expect(t, late, "+10.0.0.1:80")
	if len(told) > 0 {
		t.Errorf("told %v before the set", told)
	}
	c2 := nexts(late)
	remove()
	select {
	case <-recovered:
	case <-time.After(patience):
		t.Fatal("the watcher was not told of the end of the failure")
	}
	if len(told) < 2 || told[0] == nil {
		t.Errorf("told %v, want a reason and nil", told)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	receive(t, c, "+10.0.0.2:80")
	receive(t, c2, "+10.0.0.2:80")
}

// "One watcher's Close ... harms no other."
func TestCloseOfOneOfTwo(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	one, two := watching(t, NewConsulResolver(s.Address(), "svc")), watching(t, NewConsulResolver(s.Address(), "svc"))
	expect(t, one, "+10.0.0.1:80") // the query is its client's
	expect(t, two, "+10.0.0.1:80")
	blocked(t, s, 1)
	before := s.Stats().Requests
	c := nexts(two)
	one.Close()
	if _, err := one.Next(); err != errClosed {
		t.Errorf("Next after Close: %v", err)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	receive(t, c, "+10.0.0.2:80")
	blocked(t, s, 1)
	if n := s.Stats().Requests - before; n != 2 { // the registration and the next query
		t.Errorf("%d requests after a Close and a change, want 2", n)
	}
}

// Nor does it have to wait for the other: it ends the watcher's own Next.
func TestCloseEndsNextOfOneOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientOf(t, silent)
		one, two := resolveOrFail(t, New(client, "svc"), ""), resolveOrFail(t, New(client, "svc"), "")
		ended, other := drain(one), drain(two)
		isOver := func(done <-chan struct{}) bool {
			synctest.Wait()
			select {
			case <-done:
				return true
			default:
				return false
			}
		}
		if isOver(ended) {
			t.Error("Next has ended before Close")
		}
		one.Close()
		if !isOver(ended) || isOver(other) {
			t.Error("Close of one of two does not end its Next, or that of the other")
		}
		two.Close()
		<-ended
		<-other
	})
}

// "... or a panic in a user's metadata function harms no other."
func TestPanicOfOneOfTwo(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	bad := watching(t, New(client, "svc", MetadataFunc(func(*api.ServiceEntry) interface{} { panic("ouch") })))
	worse := watching(t, New(client, "svc", AddressFunc(func(*api.ServiceEntry) api.ServiceAddress { panic("ouch") })))
	good := watching(t, New(client, "svc", MetadataFunc(func(e *api.ServiceEntry) interface{} { return e.Service.ID })))
	for range 2 {
		expect(t, bad, "+10.0.0.1:80")
		expect(t, worse, "")
		expect(t, good, "+10.0.0.1:80[svc-a]")
		blocked(t, s, 1)
		deregister(t, s, "svc", "a")
		expect(t, bad, "-10.0.0.1:80")
		expect(t, good, "-10.0.0.1:80[svc-a]")
		register(t, s, "svc", "a", "10.0.0.1", 80)
		worse.Close()
		worse = watching(t, New(client, "svc", AddressFunc(func(*api.ServiceEntry) api.ServiceAddress { panic("ouch") })))
	}
}

// A transport that panics does so on a goroutine of ours.
func TestPanickingTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen requests
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			switch seen.add(r) {
			case 1:
				panic("ouch")
			case 2:
				return reply(7, "[]")
			}
			return silent(r)
		})
		w := resolveOrFail(t, New(client, "svc"), "")
		var told []error
		w.OnError(func(err error) { told = append(told, err) })
		expect(t, w, "")
		if len(told) != 2 || told[0] == nil || !strings.Contains(told[0].Error(), "panicked: ouch") || told[1] != nil {
			t.Errorf("told %v", told)
		}
		w.Close()
		synctest.Wait()
	})
}

// One that goes on panicking has a line every ten seconds, and one stack.
func TestTransportGoesOnPanicking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		client := clientOf(t, func(*http.Request) (*http.Response, error) { panic("ouch") })
		w := resolveOrFail(t, New(client, "svc"), "")
		done := drain(w)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.Close()
		<-done
		text := log()
		retries, panics := strings.Count(text, "trying again in"), strings.Count(text, "panicked: ouch")
		if stacks := strings.Count(text, "[running"); retries < 3 || retries > 8 || stacks != 1 || panics != retries+stacks {
			t.Errorf("%d retries, %d stacks, %d lines about the panic; want one stack beside the retries", retries, stacks, panics)
		}
	})
}

// What a user does with his updates is no concern of the others.
func TestUpdatesAreTheCallersOwn(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	one, two := watching(t, New(client, "svc")), watching(t, New(client, "svc"))
	spoil := func() {
		t.Helper()
		updates, err := one.Next()
		if err != nil || len(updates) == 0 {
			t.Fatalf("Next: %v, %v", updates, err)
		}
		for i, u := range updates {
			u.Op, u.Addr, u.Metadata, updates[i] = naming.Delete, "spoilt", "spoilt", nil
		}
	}
	spoil()
	expect(t, two, "+10.0.0.1:80")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	spoil()
	expect(t, two, "+10.0.0.2:80")
	deregister(t, s, "svc", "a")
	expect(t, one, "-10.0.0.1:80")
	expect(t, two, "-10.0.0.1:80")
}

// Watchers come and go while instances do, and in the end nothing is left.
func TestWatchersComeAndGo(t *testing.T) {
	s := standIn(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := mathrand.New(mathrand.NewPCG(uint64(i), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				w, err := NewConsulResolver(s.Address(), "svc").Resolve("")
				if err != nil {
					t.Error(err)
					return
				}
				known := make(map[string]bool)
				for n := random.IntN(4); n >= 0; n-- {
					updates, err := w.Next()
					if err != nil {
						t.Errorf("Next before Close: %v", err)
					}
					for _, u := range updates {
						if add := u.Op == naming.Add; add == known[u.Addr] {
							t.Errorf("update %v, known is %v", u, known)
						}
						known[u.Addr] = u.Op == naming.Add
					}
				}
				go w.Close()
				for {
					if _, err := w.Next(); err != nil {
						if !errors.Is(err, errClosed) {
							t.Error(err)
						}
						break
					}
				}
			}
		}()
	}
	for n := range 60 {
		id := fmt.Sprint(n % 7)
		if n/7%2 == 0 {
			register(t, s, "svc", id, "10.0.0."+id, 80)
		} else {
			deregister(t, s, "svc", id)
		}
		if err := s.Await(testContext(t), func(s consultest.Stats) bool { return s.Open > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	eventually(t, "all watchers are gone", func() bool { // each may be waiting for one more change
		select {
		case <-done:
			return true
		default:
		}
		register(t, s, "svc", "end", "10.0.1.1", 80)
		deregister(t, s, "svc", "end")
		return false
	})
	blocked(t, s, 0)
}
