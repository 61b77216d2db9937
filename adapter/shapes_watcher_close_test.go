package adapter

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Watcher.Close is empty: a Next that is blocked holds nothing up.
func TestShapeWatcherCloseEmpty(t *testing.T) {
	b := startBackends(t, 1)
	reg := newRegistry(b[0].Addr())
	conn := dial(t, "svc", WithBalancer(RoundRobin(&emptyCloseResolver{registry: reg})))
	callAll(t, conn, b...)
	before := time.Now()
	conn.Close()
	conn.Close()
	if d := time.Since(before); d >= closeTime {
		t.Errorf("conn.Close took %v", d)
	}
	reg.set("127.0.0.1:1") // Next returns, and is not called again
}

// Watcher.Close closes a channel without a guard: it is called once per watcher,
// by whoever comes first, the failing Next or conn.Close.
func TestShapeWatcherCloseUnguarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watchers []*timeoutWatcher
		reg := newRegistry("a:1")
		b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) {
			w := &timeoutWatcher{registry: reg, done: make(chan struct{})}
			watchers = append(watchers, w)
			return unguardedWatcher{t, w}, nil
		}})
		b.after(10*time.Minute, "a:1")
		if len(watchers) < 2 {
			t.Errorf("%d watchers, want one per time-out", len(watchers))
		}
		b.Close()
		b.Close()
		for i, w := range watchers {
			select {
			case <-w.done:
			default:
				t.Errorf("watcher %d was not closed", i)
			}
		}
	})
}

type unguardedWatcher struct {
	t *testing.T
	*timeoutWatcher
}

func (w unguardedWatcher) Close() {
	select {
	case <-w.done:
		w.t.Error("a watcher was closed twice")
	default:
	}
	close(w.done)
}

// One watcher for all times, whose Close panics from the second time on: that is
// survived, and the watch comes back.
func TestShapeWatcherClosePanics(t *testing.T) {
	b := startBackends(t, 2)
	w := &panickingCloseWatcher{results: make(chan nextResult), done: make(chan struct{})}
	conn := dial(t, "svc", WithBalancer(RoundRobin(w)))
	w.results <- nextResult{updates: add(b[0].Addr())}
	callAll(t, conn, b[0])
	for range 2 {
		w.results <- nextResult{err: errors.New("connection reset")}
	}
	w.results <- nextResult{updates: add(addrsOf(b...)...)}
	callAll(t, conn, b...)
	conn.Close()
	w.results <- nextResult{err: errors.New("closed")} // Next returns, and is not called again
}

type panickingCloseWatcher struct {
	results chan nextResult
	done    chan struct{}
}

func (w *panickingCloseWatcher) Resolve(string) (naming.Watcher, error) { return w, nil }

func (w *panickingCloseWatcher) Next() ([]*naming.Update, error) {
	r := <-w.results
	return r.updates, r.err
}

func (w *panickingCloseWatcher) Close() { close(w.done) }

// sendingWatcher has a Close that waits until a Next takes notice.
type sendingWatcher struct{ timeoutWatcher }

func newSendingWatcher(r *registry) *sendingWatcher {
	return &sendingWatcher{timeoutWatcher{registry: r, done: make(chan struct{})}}
}

func (w *sendingWatcher) Close() { w.done <- struct{}{} }

// Watcher.Close blocks on a send, which the Next that is blocked receives.
func TestShapeWatcherCloseSends(t *testing.T) {
	b := startBackends(t, 1)
	conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
		return newSendingWatcher(newRegistry(b[0].Addr())), nil
	}})))
	callAll(t, conn, b...)
	before := time.Now()
	conn.Close()
	if d := time.Since(before); d >= closeTime {
		t.Errorf("conn.Close took %v", d)
	}
}

// After a Next that failed there is nobody to receive: Close hangs for good, and
// the watch has to come back without it.
func TestShapeWatcherCloseSendsAfterNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watchers []*sendingWatcher
		reg := newRegistry("a:1")
		b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) {
			w := newSendingWatcher(reg)
			watchers = append(watchers, w)
			return w, nil
		}})
		b.after(10*time.Minute, "a:1")
		reg.set("b:1")
		b.after(time.Minute, "b:1")
		b.Close()
		synctest.Wait()
		for _, w := range watchers {
			select {
			case <-w.done: // releases a Close that hangs
			default:
			}
		}
	})
}
