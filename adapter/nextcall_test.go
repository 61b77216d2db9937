package adapter

// Resolve and Next that run while something else happens to their RoundRobin.

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
		w := &unclosable{newScriptWatcher()}
		r := inTurn(w)
		rr := RoundRobin(r)
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait() // in Next
		rr.Close()
		done := make(chan error)
		go func() { done <- rr.Start("svc", BalancerConfig{}) }()
		time.Sleep(settleTime / 2)
		rr.Close()
		if err := <-done; err != nil || len(r.resolved()) != 1 {
			t.Errorf("Start: %v; Resolve was called %d times, want once", err, len(r.resolved()))
		}
		w.send(t) // ends Next
	})
}

// Close while Resolve runs: what that returns is closed, and asked nothing.
func TestCloseWhileResolving(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReporter()
		rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
			time.Sleep(time.Second)
			return w, nil
		}})
		go rr.Start("svc", BalancerConfig{})
		synctest.Wait()
		rr.Close()
		elapse(time.Minute)
		if w.report != nil || w.nexts != 0 || w.closes != 1 {
			t.Errorf("OnError is called: %v, %d Nexts, %d Closes; want the last alone", w.report != nil, w.nexts, w.closes)
		}
	})
}

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
			elapse(time.Minute)
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
