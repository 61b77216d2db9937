package adapter

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// byHand is a RoundRobin that is started without a ClientConn, in a bubble.
type byHand struct {
	Balancer
	t *testing.T

	mu    sync.Mutex
	lists int      // how many came
	last  []string // the newest, sorted
}

func startByHand(t *testing.T, r naming.Resolver) *byHand {
	t.Helper()
	b := &byHand{Balancer: RoundRobin(r), t: t}
	if err := b.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	go func() {
		for list := range b.Notify() {
			b.mu.Lock()
			b.lists++
			b.last = nil
			for _, a := range list {
				b.last = append(b.last, a.Addr)
			}
			slices.Sort(b.last)
			b.mu.Unlock()
		}
	}()
	return b
}

// after lets d go by, of the bubble's time, and wants the newest list then.
func (b *byHand) after(d time.Duration, want ...string) {
	b.t.Helper()
	time.Sleep(d)
	synctest.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Equal(b.last, want) {
		b.t.Errorf("after another %v the list is %q, want %q", d, b.last, want)
	}
}

func (b *byHand) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lists
}

// pollingWatcher asks the registry at intervals, and returns what has changed,
// which is mostly nothing. Close says nothing to it.
type pollingWatcher struct {
	registry *registry
	interval time.Duration
	known    []string
	polls    atomic.Int32
}

func (w *pollingWatcher) Resolve(string) (naming.Watcher, error) { return w, nil }

func (w *pollingWatcher) Next() ([]*naming.Update, error) {
	if w.polls.Add(1) > 1 {
		time.Sleep(w.interval)
	}
	now, _ := w.registry.list()
	return changes(&w.known, now), nil
}

func (w *pollingWatcher) Close() {}

// Next returns nothing every second: that is neither slowed down nor passed on.
func TestShapeNextNothingEverySecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry()
		w := &pollingWatcher{registry: reg, interval: time.Second}
		b := startByHand(t, w)
		b.after(time.Minute)
		if n := w.polls.Load(); n < 58 {
			t.Errorf("Next was called %d times in a minute, though it takes a second", n)
		}
		reg.set("a:1", "b:1")
		b.after(time.Second, "a:1", "b:1")
		b.after(time.Minute, "a:1", "b:1")
		reg.set("b:1")
		b.after(time.Second, "b:1")
		if n := b.count(); n != 3 { // the first says that there is nothing
			t.Errorf("%d lists came, want 3", n)
		}
		b.Close()
		time.Sleep(time.Second)
		polls := w.polls.Load()
		time.Sleep(time.Hour)
		if w.polls.Load() != polls {
			t.Error("Next is called after Close")
		}
	})
}

// resendingWatcher returns everything as Adds every 20 seconds.
type resendingWatcher struct{ pollingWatcher }

func (w *resendingWatcher) Resolve(string) (naming.Watcher, error) { return w, nil }

func (w *resendingWatcher) Next() ([]*naming.Update, error) {
	w.known = nil
	return w.pollingWatcher.Next()
}

// Adds of what is known change nothing. What is left out stays, as it did in
// v1.29.1: only a Delete takes an address away.
func TestShapeNextResendsEverything(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry("a:1", "b:1")
		b := startByHand(t, &resendingWatcher{pollingWatcher{registry: reg, interval: 20 * time.Second}})
		b.after(10*time.Minute, "a:1", "b:1")
		if n := b.count(); n != 1 {
			t.Errorf("%d lists came, though nothing changed", n)
		}
		reg.set("b:1", "c:1")
		b.after(20*time.Second, "a:1", "b:1", "c:1")
		b.after(10*time.Minute, "a:1", "b:1", "c:1")
		if n := b.count(); n != 2 {
			t.Errorf("%d lists came, want another one for one change", n)
		}
		b.Close()
		time.Sleep(20 * time.Second) // of a Next that is running
	})
}

// Next turns a time-out into an error. v1.29.1 kept the addresses and heard of
// nothing more; now the watch comes back, and still loses none.
func TestShapeNextTimeoutIsError(t *testing.T) {
	const timeout = 30 * time.Second
	for name, resolver := range map[string]func(*registry) naming.Resolver{
		"a watcher per Resolve": func(reg *registry) naming.Resolver { return &freshResolver{reg, timeout} },
		"itself": func(reg *registry) naming.Resolver {
			return &resumeResolver{freshWatcher{registry: reg, timeout: timeout}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				reg := newRegistry("a:1", "b:1", "c:1")
				b := startByHand(t, resolver(reg))
				b.after(time.Hour, "a:1", "b:1", "c:1")
				reg.set("a:1", "b:1", "c:1", "d:1")
				b.after(time.Minute, "a:1", "b:1", "c:1", "d:1")
				b.after(time.Hour, "a:1", "b:1", "c:1", "d:1")
				reg.set("b:1", "c:1", "d:1")
				b.after(time.Minute, "b:1", "c:1", "d:1")
				b.after(time.Hour, "b:1", "c:1", "d:1")
				reg.set("e:1")
				b.after(time.Minute, "e:1")
				b.Close()
			})
		})
	}
}
