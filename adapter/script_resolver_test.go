package adapter

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// scriptResolver is a naming.Resolver under the test's control.
type scriptResolver struct {
	resolve func(target string) (naming.Watcher, error) // nil: a new scriptWatcher

	mu       sync.Mutex
	targets  []string
	watchers []*scriptWatcher
}

func (r *scriptResolver) Resolve(target string) (naming.Watcher, error) {
	r.mu.Lock()
	r.targets = append(r.targets, target)
	r.mu.Unlock()
	if r.resolve != nil {
		return r.resolve(target)
	}
	w := newScriptWatcher()
	r.mu.Lock()
	r.watchers = append(r.watchers, w)
	r.mu.Unlock()
	return w, nil
}

func (r *scriptResolver) resolved() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.targets...)
}

// watcher waits for the n-th watcher, from 0.
func (r *scriptResolver) watcher(t *testing.T, n int) *scriptWatcher {
	t.Helper()
	var w *scriptWatcher
	eventually(t, "the resolver is asked", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.watchers) > n {
			w = r.watchers[n]
		}
		return w != nil
	})
	return w
}

// inTurn resolves to one of the watchers and errors after the other, and to the last
// again and again.
func inTurn(results ...any) *scriptResolver {
	n := 0
	return &scriptResolver{resolve: func(string) (naming.Watcher, error) {
		result := results[min(n, len(results)-1)]
		n++
		if err, ok := result.(error); ok {
			return nil, err
		}
		return result.(naming.Watcher), nil
	}}
}

type nextResult struct {
	updates []*naming.Update
	err     error
}

// scriptWatcher returns from Next what the test sends.
type scriptWatcher struct {
	results chan nextResult
	closed  chan struct{}

	mu     sync.Mutex
	nexts  int
	closes int
}

func newScriptWatcher() *scriptWatcher {
	return &scriptWatcher{results: make(chan nextResult), closed: make(chan struct{})}
}

func (w *scriptWatcher) Next() ([]*naming.Update, error) {
	w.mu.Lock()
	w.nexts++
	w.mu.Unlock()
	select {
	case r := <-w.results:
		return r.updates, r.err
	case <-w.closed:
		return nil, errors.New("scriptWatcher is closed")
	}
}

func (w *scriptWatcher) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closes++; w.closes == 1 {
		close(w.closed)
	}
}

func (w *scriptWatcher) closeCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closes
}

// reporter is an ErrorReporter: the test calls report.
type reporter struct {
	*scriptWatcher
	report func(error)
}

func newReporter() *reporter { return &reporter{scriptWatcher: newScriptWatcher()} }

func (w *reporter) OnError(f func(error)) { w.report = f }

// send makes a Next return updates, and waits until it does.
func (w *scriptWatcher) send(t *testing.T, updates ...*naming.Update) {
	t.Helper()
	w.result(t, nextResult{updates: updates})
}

// fail makes a Next return err.
func (w *scriptWatcher) fail(t *testing.T, err error) {
	t.Helper()
	w.result(t, nextResult{err: err})
}

func (w *scriptWatcher) result(t *testing.T, r nextResult) {
	t.Helper()
	select {
	case w.results <- r:
	case <-time.After(patience):
		t.Fatal("Next is not called")
	}
}
