package follow

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/testlog"
	"github.com/grpcnaming/grpcnaming/naming"
)

func TestMain(m *testing.M) {
	testlog.Capture()
	goleak.VerifyTestMain(m)
}

// scripted is a resolver and its watcher: each Next returns the next of results,
// or waits for Close. Whatever is called calls called first, if there is one.
type scripted struct {
	results chan []*naming.Update // nil fails
	called  func(method string)

	report func(error)
	once   sync.Once
	closed chan struct{}
}

func script(results ...[]*naming.Update) *scripted {
	s := &scripted{results: make(chan []*naming.Update, len(results)), called: func(string) {}, closed: make(chan struct{})}
	for _, r := range results {
		s.results <- r
	}
	return s
}

func (s *scripted) Resolve(string) (naming.Watcher, error) {
	s.called("Resolve")
	return s, nil
}

func (s *scripted) OnError(f func(error)) {
	s.called("OnError")
	s.report = f
}

func (s *scripted) FirstNextIsFull() bool {
	s.called("FirstNextIsFull")
	return false
}

func (s *scripted) Next() ([]*naming.Update, error) {
	s.called("Next")
	select {
	case r := <-s.results:
		if r == nil {
			return nil, errors.New("over")
		}
		return r, nil
	case <-s.closed:
		return nil, errors.New("closed")
	}
}

func (s *scripted) Close() {
	s.called("Close")
	s.once.Do(func() { close(s.closed) })
}

func added(addr string) []*naming.Update { return []*naming.Update{{Op: naming.Add, Addr: addr}} }

// stoppedWhenAsked is a context that asks for its watch's end as soon as it has said
// that it is not the end yet.
type stoppedWhenAsked struct {
	context.Context
	stop func()
}

func (c *stoppedWhenAsked) Err() error {
	err := c.Context.Err()
	if stop := c.stop; stop != nil {
		c.stop = nil
		stop()
	}
	return err
}

// A watch that is stopped between two calls of Next has no watcher any more, and
// has not lost one: there is nothing to log, and none to be resolved again.
func TestStopBetweenTwoNexts(t *testing.T) {
	w := New(script(added("a:1")), "svc", new(Calls), addrset.Set{}, func() {})
	if err := w.Resolve(); err != nil {
		t.Fatal(err)
	}
	w.ctx = &stoppedWhenAsked{w.ctx, func() { w.Stop(); w.Close() }}
	w.Run(nil)
	if !w.retry.since.IsZero() {
		t.Error("it has waited to resolve again")
	}
}

// What fails is tried again within five seconds in the first minute, and within thirty
// after that, at times that differ.
func TestBackOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, began := NewBackOff(), time.Now()
		var early, late []time.Duration
		for time.Since(began) < time.Hour {
			in := &early
			if time.Since(began) >= time.Minute {
				in = &late
			}
			delay := b.Next()
			*in = append(*in, delay)
			time.Sleep(delay)
		}
		if early[0] > 2*firstRetry || slices.Max(early) > 5*time.Second {
			t.Errorf("in the first minute: %v", early)
		}
		late = late[5:] // grown
		if least, most := slices.Min(late), slices.Max(late); most > 30*time.Second || least < 9*time.Second || most-least < 10*time.Second {
			t.Errorf("after that: %v to %v", least, most)
		}
	})
}

// What is known when a watch is stopped stays, whatever the watcher has still to
// say, and whoever was given it does to it.
func TestNothingChangesAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(added("a:1"))
		changes := 0
		w := New(s, "svc", new(Calls), addrset.Set{}, func() { changes++ })
		if err := w.Resolve(); err != nil {
			t.Fatal(err)
		}
		go w.Run(nil)
		synctest.Wait() // in the second Next
		known := w.Stop()
		s.report(errors.New("late"))
		s.results <- added("late:1")
		w.Close()
		synctest.Wait()
		known.Remove(addrset.Address{Addr: "a:1"})
		known.Add(addrset.Address{Addr: "b:1"})
		if got, err := Known[addrset.Address](w); !slices.Equal(got, []addrset.Address{{Addr: "a:1"}}) || err != nil || changes != 1 {
			t.Errorf("after %d changes %v is known (%v), want what was known after the first", changes, got, err)
		}
	})
}

// What a watcher was doing when the watch was stopped comes too late.
func TestTakenAfterStop(t *testing.T) {
	w := New(script(), "svc", new(Calls), addrset.Set{}, func() { t.Error("a change after Stop") })
	w.Stop()
	if w.failed(errors.New("late")); w.fold(added("late:1"), false) {
		t.Error("late updates are taken")
	}
	if got, err := Known[addrset.Address](w); len(got) > 0 || err != nil {
		t.Errorf("%v is known, %v", got, err)
	}
}

// No method of the user's, and no news, is called under a lock.
func TestNoCallbackUnderALock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := script(added("a:1"), nil, added("a:1"))
		calls := new(Calls)
		var w *Watch
		seen := make(map[string]int)
		called := func(what string) {
			seen[what]++
			for name, l := range map[string]*sync.Mutex{"the watch": &w.mu, "its calls": &calls.mu} {
				if !l.TryLock() {
					t.Errorf("%s is called with the lock of %s held", what, name)
					continue
				}
				l.Unlock()
			}
		}
		s.called = called
		w = New(s, "svc", calls, addrset.Set{}, func() { called("changed") })
		if err := w.Resolve(); err != nil {
			t.Fatal(err)
		}
		go w.Run(nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.Stop()
		w.Close()
		synctest.Wait()
		for _, what := range []string{"Resolve", "OnError", "FirstNextIsFull", "Next", "Close", "changed"} {
			if seen[what] == 0 {
				t.Errorf("%s has not been called: %v", what, seen)
			}
		}
	})
}
