package adapter

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// sendingWatcher has a Close that waits until a Next takes notice.
type sendingWatcher struct{ freshWatcher }

func newSendingWatcher(r *registry, timeout time.Duration) *sendingWatcher {
	return &sendingWatcher{freshWatcher{registry: r, timeout: timeout, done: make(chan struct{})}}
}

func (w *sendingWatcher) Close() { w.done <- struct{}{} }

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

// After a Next that failed there is nobody to receive: Close hangs for good, and
// the watch has to come back without it.
func TestShapeWatcherCloseSendsAfterNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var watchers []*sendingWatcher
		reg := newRegistry("a:1")
		b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) {
			w := newSendingWatcher(reg, 30*time.Second)
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

// One watcher for all times, whose Close panics from the second time on: that is
// survived, and the watch comes back.
func TestShapeWatcherClosePanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &panickingCloseWatcher{results: make(chan nextResult), done: make(chan struct{})}
		b := startByHand(t, w)
		w.results <- nextResult{updates: add("a:1")}
		for range 2 {
			w.results <- nextResult{err: errors.New("connection reset")}
		}
		b.after(0, "a:1")
		w.results <- nextResult{updates: add("a:1", "b:1")}
		b.after(0, "a:1", "b:1")
		b.Close()
		w.results <- nextResult{err: errors.New("closed")} // Next returns, and is not called again
	})
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
