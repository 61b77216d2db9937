package adapter

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// machineResolver is the naming.Resolver of a machine. Its watchers begin with
// the full set of the model; those that do not say so may say nothing before.
type machineResolver struct {
	machine *machine
	full    bool // they say so

	mu       sync.Mutex // guards what follows, and changes of the machine's model
	watchers []*machineWatcher
}

// machineWatcher returns from Next what it was sent, and errors after Close.
type machineWatcher struct {
	resolver *machineResolver
	results  chan nextResult
	done     chan struct{}
	failed   bool // an error is on its way; guarded by the resolver's lock

	closes, nexts atomic.Int32              // the latter are calls that are running
	ended         atomic.Pointer[time.Time] // when Close returned
}

func (r *machineResolver) Resolve(string) (naming.Watcher, error) {
	m := r.machine
	if m.recorder != nil {
		_, ended := m.recorder.now()
		m.late("Resolve", ended)
	}
	m.enter("Resolve")
	if m.luck.chance(5) {
		return nil, errors.New("no answer")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := &machineWatcher{resolver: r, results: make(chan nextResult, 1000), done: make(chan struct{})}
	var first []*naming.Update
	switch unusual := m.luck.chance(3); {
	case unusual && r.full: // which changes nothing
		first = del("a0:1", "a1:1")
	case unusual: // they know nothing yet
		w.results <- nextResult{}
	}
	for _, a := range m.model {
		first = append(first, &naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
	}
	w.results <- nextResult{updates: first}
	r.watchers = append(r.watchers, w)
	return w, nil
}

// change changes the model, and tells the watcher. If there is none that will
// deliver it, the next one begins with it; but of one that does not say that it
// begins with everything, nobody would believe that it is nothing.
func (r *machineResolver) change(updates []*naming.Update) {
	r.mu.Lock()
	defer r.mu.Unlock()
	model, _ := r.machine.model.FoldAll(updates)
	if r.put(nextResult{updates: updates}) || r.full || len(model) > 0 {
		r.machine.model = model
	}
}

func (r *machineResolver) failWatcher() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.put(nextResult{updates: add("dropped:1"), err: errors.New("lost")})
}

// put says whether there is a watcher that will deliver the result. It is called
// with the lock held.
func (r *machineResolver) put(result nextResult) bool {
	if len(r.watchers) == 0 {
		return false
	}
	w := r.watchers[len(r.watchers)-1]
	if w.failed || w.closes.Load() > 0 {
		return false
	}
	w.failed = result.err != nil
	w.results <- result
	return true
}

// checkClosed wants every watcher closed, once.
func (r *machineResolver) checkClosed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range r.watchers {
		if n := w.closes.Load(); n != 1 {
			r.machine.fault("watcher %d of %d has been closed %d times", i, len(r.watchers), n)
		}
	}
}

// FirstNextIsFull implements FullLister.
func (w *machineWatcher) FirstNextIsFull() bool {
	w.resolver.machine.enter("FirstNextIsFull")
	return w.resolver.full
}

func (w *machineWatcher) Next() ([]*naming.Update, error) {
	if w.nexts.Add(1) > 1 {
		w.resolver.machine.fault("Next is called while it runs")
	}
	defer w.nexts.Add(-1)
	w.resolver.machine.late("Next", w.ended.Load())
	w.resolver.machine.enter("Next")
	select {
	case r := <-w.results:
		if w.closes.Load() == 0 {
			return r.updates, r.err
		}
	case <-w.done:
	}
	return nil, errors.New("closed")
}

func (w *machineWatcher) Close() {
	if n := w.closes.Add(1); n > 1 {
		w.resolver.machine.fault("Watcher.Close is called for the %dth time", n)
		return
	}
	close(w.done)
	w.resolver.machine.meddle() // and not enter: Resolve may return after the end
	now := time.Now()
	w.ended.Store(&now)
}
