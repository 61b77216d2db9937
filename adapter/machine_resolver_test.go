package adapter

import (
	"context"
	"errors"
	"sync"

	"github.com/grpcnaming/grpcnaming/naming"
)

// machineResolver is the naming.Resolver of a machine. Its watchers begin with
// the full set of the model.
type machineResolver struct {
	machine  *machine
	balancer Balancer // a bare RoundRobin, for callbacks to use

	mu       sync.Mutex
	watchers []*machineWatcher
}

// machineWatcher returns from Next what it was sent, and errors after Close.
type machineWatcher struct {
	resolver *machineResolver
	results  chan nextResult
	done     chan struct{}

	mu     sync.Mutex
	failed bool
	closes int
	nexts  int // calls that are running
}

func (r *machineResolver) meddle(where string) {
	m := r.machine
	m.meddle(where)
	if r.balancer != nil && m.chance(2) {
		r.balancer.Get(context.Background(), BalancerGetOptions{})
		r.balancer.Notify()
		if down := r.balancer.Up(Address{Addr: "by hand"}); down != nil {
			down(nil)
		}
	}
}

func (r *machineResolver) Resolve(string) (naming.Watcher, error) {
	r.meddle("Resolve")
	if r.machine.chance(5) {
		return nil, errors.New("no answer")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := &machineWatcher{resolver: r, results: make(chan nextResult, 1000), done: make(chan struct{})}
	var full []*naming.Update
	for _, a := range r.machine.model { // which changes only while there is a watcher
		full = append(full, &naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
	}
	w.results <- nextResult{updates: full}
	r.watchers = append(r.watchers, w)
	return w, nil
}

func (r *machineResolver) current() *machineWatcher {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.watchers) == 0 {
		return nil
	}
	return r.watchers[len(r.watchers)-1]
}

// send says whether there is a watcher that will deliver the updates.
func (r *machineResolver) send(updates []*naming.Update) bool {
	return r.put(nextResult{updates: updates})
}

func (r *machineResolver) failWatcher() {
	r.put(nextResult{updates: add("dropped:1"), err: errors.New("lost")})
}

func (r *machineResolver) put(result nextResult) bool {
	w := r.current()
	if w == nil {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.failed || w.closes > 0 {
		return false
	}
	w.failed = result.err != nil
	w.results <- result
	return true
}

// checkClosed wants every watcher closed, once, and no Next running.
func (r *machineResolver) checkClosed() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, w := range r.watchers {
		w.mu.Lock()
		if w.closes != 1 {
			r.machine.fault("watcher %d of %d has been closed %d times", i, len(r.watchers), w.closes)
		}
		w.mu.Unlock()
	}
}

func (w *machineWatcher) Next() ([]*naming.Update, error) {
	w.mu.Lock()
	if w.nexts++; w.nexts > 1 {
		w.resolver.machine.fault("Next is called while it runs")
	}
	w.mu.Unlock()
	defer func() {
		w.mu.Lock()
		w.nexts--
		w.mu.Unlock()
	}()
	w.resolver.meddle("Next")
	select {
	case <-w.done:
		return nil, errors.New("closed")
	default:
	}
	select {
	case r := <-w.results:
		return r.updates, r.err
	case <-w.done:
		return nil, errors.New("closed")
	}
}

func (w *machineWatcher) Close() {
	w.mu.Lock()
	w.closes++
	n := w.closes
	w.mu.Unlock()
	if n > 1 {
		w.resolver.machine.fault("Watcher.Close is called for the %dth time", n)
		return
	}
	close(w.done)
	w.resolver.meddle("Watcher.Close")
}
