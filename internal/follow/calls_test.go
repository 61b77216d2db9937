package follow

// Resolve and Next that go wrong, or run while something else happens to their watch.

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/naming"
)

func watch(r naming.Resolver, calls *Calls) *Watch {
	return New(r, "svc", calls, addrset.Set{}, func() {})
}

// unclosable is its own watcher, whose Close does not end Next.
type unclosable struct{ *scripted }

func (u unclosable) Resolve(string) (naming.Watcher, error) {
	u.called("Resolve")
	return u, nil
}

func (u unclosable) Close() {}

// Stop while Resolve waits for a Next that Close has not ended: the resolver is not
// asked any more. Stop while another watch waits for what that Next returns: it ends.
func TestCloseBeforeResolve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		resolves, calls := 0, new(Calls)
		r := unclosable{script()}
		r.called = func(method string) {
			if method == "Resolve" {
				resolves++
			}
		}
		former := watch(r, calls)
		if err := former.Resolve(); err != nil {
			t.Fatal(err)
		}
		go former.Run(nil)
		synctest.Wait() // in Next
		former.Stop()
		former.Close()
		w, done := watch(r, calls), make(chan error)
		go func() { done <- w.Resolve() }()
		time.Sleep(settleTime / 2)
		w.Stop()
		if err := <-done; err != nil || resolves != 1 {
			t.Errorf("Resolve: %v; the resolver was asked %d times, want once", err, resolves)
		}
		w = watch(r, calls)
		ended := false
		go func() {
			w.Run(w.Resolve())
			ended = true
		}()
		time.Sleep(2 * settleTime)
		w.Stop()
		if synctest.Wait(); !ended {
			t.Error("the watch does not end with Stop")
		}
		r.results <- nil // ends Next
	})
}

// Stop while Resolve runs: what that returns is closed, and asked nothing.
func TestCloseWhileResolving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, s := make(map[string]int), script()
		s.called = func(method string) {
			if seen[method]++; method == "Resolve" {
				time.Sleep(time.Second)
			}
		}
		w := watch(s, new(Calls))
		go func() { w.Run(w.Resolve()) }()
		synctest.Wait()
		w.Stop()
		w.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := map[string]int{"Resolve": 1, "Close": 1}; !maps.Equal(seen, want) {
			t.Errorf("calls %v, want %v", seen, want)
		}
	})
}

// anew is its own watcher, and begins anew with each Resolve.
type anew struct {
	*scripted
	resolves int
}

func (a *anew) Resolve(string) (naming.Watcher, error) {
	a.resolves++
	a.scripted = script()
	return a, nil
}

// That a Next failed when the watch before ended is not said of this one.
func TestErrorOfTheWatchBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, calls := new(anew), new(Calls)
		for range 2 {
			w := watch(r, calls)
			go func() { w.Run(w.Resolve()) }()
			time.Sleep(time.Minute)
			w.Stop()
			w.Close()
			synctest.Wait()
		}
		if r.resolves != 2 {
			t.Errorf("Resolve was called %d times for two watches, want once for each", r.resolves)
		}
	})
}

// The optional methods of a watcher may panic as any other: the watcher is closed,
// and the error says what it was.
func TestOptionalMethodsThatPanic(t *testing.T) {
	for _, method := range []string{"OnError", "FirstNextIsFull"} {
		closes, s := 0, script()
		s.called = func(m string) {
			switch m {
			case method:
				panic(m)
			case "Close":
				closes++
			}
		}
		err := watch(s, new(Calls)).Resolve()
		if err == nil || !strings.Contains(err.Error(), method+" panicked") || closes != 1 {
			t.Errorf("Resolve: %v, and the watcher was closed %d times; want it closed once because %s panicked", err, closes, method)
		}
	}
}

// shortLived makes watchers whose second Next fails, after a while.
type shortLived struct {
	life     time.Duration
	resolves int
}

func (r *shortLived) Resolve(string) (naming.Watcher, error) {
	r.resolves++
	return &shortLivedWatcher{life: r.life}, nil
}

type shortLivedWatcher struct {
	life  time.Duration
	nexts int
}

func (w *shortLivedWatcher) Next() ([]*naming.Update, error) {
	if w.nexts++; w.nexts == 1 {
		return added("a:1"), nil
	}
	time.Sleep(w.life)
	return nil, errors.New("over")
}

func (w *shortLivedWatcher) Close() {}

// The backoff grows though each new watcher delivers something before it fails,
// and begins anew after one that has lived for longer than it ever gets.
func TestBackoffOfShortLivedWatchers(t *testing.T) {
	for life, calls := range map[time.Duration]struct{ fewest, most int }{ // of Resolve, in ten minutes
		0:                       {10, 60},
		time.Second:             {10, 60},
		lastRetry + time.Second: {18, 20},
	} {
		t.Run(life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &shortLived{life: life}
				w := watch(r, new(Calls))
				go func() { w.Run(w.Resolve()) }()
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if n := r.resolves; n < calls.fewest || n > calls.most {
					t.Errorf("Resolve was called %d times in ten minutes, want %d to %d", n, calls.fewest, calls.most)
				}
				w.Stop()
				w.Close()
				time.Sleep(life) // of a Next that is running
			})
		})
	}
}
