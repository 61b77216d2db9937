package adapter

import (
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/naming"
)

// A Next that ends its goroutine, as testing.T.FailNow does, is one that fails.
func TestNextThatExits(t *testing.T) {
	r := &scriptResolver{}
	b := startBackends(t, 1)[0]
	exits := exitingResolver{r}
	conn := dial(t, "svc", WithBalancer(RoundRobin(exits)))
	r.watcher(t, 0).send(t) // its Next exits instead
	r.watcher(t, 1).send(t, add(b.Addr())...)
	if got := call(t, conn, grpc.WaitForReady(true)); got != b.Addr() {
		t.Errorf("answered by %s", got)
	}
}

// Close while Start waits for a Next that Close does not end: the resolver is not
// asked any more.
func TestCloseBeforeResolve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := newRegistry("a:1")
		w := &emptyCloseResolver{registry: reg}
		resolves := 0
		rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
			resolves++
			return w, nil
		}})
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // in the second Next
		rr.Close()
		done := make(chan error)
		go func() { done <- rr.Start("svc", BalancerConfig{}) }()
		time.Sleep(settleTime / 2)
		rr.Close()
		if err := <-done; err != nil || resolves != 1 {
			t.Errorf("Start: %v; Resolve was called %d times, want once", err, resolves)
		}
		reg.set("b:1") // releases Next
	})
}

// Close while Resolve runs: what that returns is closed, and asked nothing.
func TestCloseWhileResolving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &askedWatcher{scriptWatcher: newScriptWatcher()}
		rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
			time.Sleep(time.Second)
			return w, nil
		}})
		go rr.Start("svc", BalancerConfig{})
		synctest.Wait()
		rr.Close()
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.asked || w.nexts != 0 || w.closes != 1 {
			t.Errorf("asked: %v, %d Nexts, %d Closes; want the last alone", w.asked, w.nexts, w.closes)
		}
	})
}

type askedWatcher struct {
	*scriptWatcher
	asked bool
}

func (w *askedWatcher) FirstNextIsFull() bool { w.asked = true; return true }

// A watcher that is its own resolver, and begins anew with each Resolve: that its
// Next failed when the life before ended is not said of this one.
func TestErrorOfTheLifeBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &anewWatcher{}
		rr := RoundRobin(w)
		for range 2 {
			if err := rr.Start("svc", BalancerConfig{}); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			rr.Close()
			synctest.Wait()
		}
		if w.resolves != 2 {
			t.Errorf("Resolve was called %d times in two lives, want once in each", w.resolves)
		}
	})
}

type anewWatcher struct {
	*scriptWatcher
	resolves int
}

func (w *anewWatcher) Resolve(string) (naming.Watcher, error) {
	w.resolves++
	w.scriptWatcher = newScriptWatcher()
	return w, nil
}

// exitingResolver's watchers end the goroutine of a Next that has nothing to say.
type exitingResolver struct{ *scriptResolver }

func (r exitingResolver) Resolve(target string) (naming.Watcher, error) {
	w, err := r.scriptResolver.Resolve(target)
	if err != nil {
		return nil, err
	}
	return exitingWatcher{w}, nil
}

type exitingWatcher struct{ naming.Watcher }

func (w exitingWatcher) Next() ([]*naming.Update, error) {
	updates, err := w.Watcher.Next()
	if err == nil && len(updates) == 0 {
		runtime.Goexit()
	}
	return updates, err
}
