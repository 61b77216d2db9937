package adapter

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

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
