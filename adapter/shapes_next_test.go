package adapter

import (
	"slices"
	"sync"
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

// pollingResolver is its own watcher. It asks the registry at intervals, and returns
// what has changed, which is mostly nothing. Close says nothing to it.
type pollingResolver struct {
	registry *registry
	interval time.Duration
	polled   bool
	known    []string
}

func (r *pollingResolver) Resolve(string) (naming.Watcher, error) { return r, nil }

func (r *pollingResolver) Next() ([]*naming.Update, error) {
	if r.polled {
		time.Sleep(r.interval)
	}
	r.polled = true
	now, _ := r.registry.list()
	return changes(&r.known, now), nil
}

func (r *pollingResolver) Close() {}

// resendingResolver returns everything as Adds each time.
type resendingResolver struct{ pollingResolver }

func (r *resendingResolver) Resolve(string) (naming.Watcher, error) { return r, nil }

func (r *resendingResolver) Next() ([]*naming.Update, error) {
	r.known = nil
	return r.pollingResolver.Next()
}

// sendingWatcher has a Close that waits until a Next takes notice. After a Next that
// failed there is nobody to do so, and it hangs, until the end of the test.
type sendingWatcher struct{ freshWatcher }

func newSendingWatcher(r *registry, timeout time.Duration) *sendingWatcher {
	return &sendingWatcher{freshWatcher{registry: r, timeout: timeout, done: make(chan struct{})}}
}

func (w *sendingWatcher) Close() {
	select {
	case w.done <- struct{}{}:
	case <-w.registry.end:
	}
}

// What Next returns while there is nothing new: nothing, which is neither slowed down
// nor passed on; everything once more; or an error, as of a request that has timed
// out. v1.29.1 kept the addresses after an error and heard of nothing more; now the
// watch comes back, and still loses none.
func TestShapeNext(t *testing.T) {
	const timeout = 30 * time.Second
	for name, kind := range map[string]struct {
		make   func(reg *registry) naming.Resolver
		within time.Duration // a change is heard of
		adds   bool          // only: what is left out stays, as it did in v1.29.1
		lists  int           // one per change; 0 if watchers fail, and the next ones list anew
	}{
		"nothing every second": {
			func(reg *registry) naming.Resolver {
				return &pollingResolver{registry: reg, interval: time.Second}
			}, time.Second, false, 4,
		},
		"everything every 20 seconds": {
			func(reg *registry) naming.Resolver {
				return &resendingResolver{pollingResolver{registry: reg, interval: 20 * time.Second}}
			}, 20 * time.Second, true, 3,
		},
		"time-out, a watcher per Resolve": {
			func(reg *registry) naming.Resolver { return &freshResolver{reg, timeout} },
			time.Minute, false, 0,
		},
		"time-out, itself": {
			func(reg *registry) naming.Resolver {
				return &resumeResolver{freshWatcher{registry: reg, timeout: timeout}}
			}, time.Minute, false, 0,
		},
		"time-out, Close hangs": {
			func(reg *registry) naming.Resolver {
				return &scriptResolver{resolve: func(string) (naming.Watcher, error) {
					return newSendingWatcher(reg, timeout), nil
				}}
			}, time.Minute, false, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := []string{"a:1", "b:1", "c:1"}
				reg := newRegistry(want...)
				b := startByHand(t, kind.make(reg))
				b.after(time.Hour, want...)
				for _, now := range [][]string{{"a:1", "b:1", "c:1", "d:1"}, {"b:1", "c:1", "d:1"}, {"e:1"}} {
					reg.set(now...)
					if kind.adds {
						now = slices.Compact(slices.Sorted(slices.Values(append(now, want...))))
					}
					want = now
					b.after(kind.within, want...)
					b.after(time.Hour, want...)
				}
				if n := b.count(); kind.lists > 0 && n != kind.lists {
					t.Errorf("%d lists came, want %d", n, kind.lists)
				}
				b.Close()
				close(reg.end)
				time.Sleep(kind.within) // of a Next that is running
			})
		})
	}
}

// Neither a Next that is blocked holds conn.Close up, nor a Watcher.Close that
// blocks until that Next receives what it sends.
func TestShapeWatcherClose(t *testing.T) {
	for name, watcher := range map[string]func(*registry) naming.Watcher{
		"is empty": func(reg *registry) naming.Watcher { return &emptyCloseResolver{registry: reg} },
		"sends":    func(reg *registry) naming.Watcher { return newSendingWatcher(reg, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 1)
			reg := newRegistry(b[0].Addr())
			conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
				return watcher(reg), nil
			}})))
			callAll(t, conn, b...)
			before := time.Now()
			conn.Close()
			conn.Close()
			if d := time.Since(before); d >= closeTime {
				t.Errorf("conn.Close took %v", d)
			}
			reg.set("127.0.0.1:1") // Next returns, and is not called again
		})
	}
}
