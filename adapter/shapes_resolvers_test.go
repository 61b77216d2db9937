package adapter

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// registry stands for the name system that legacy resolvers watch: the
// addresses of one service.
type registry struct {
	mu      sync.Mutex
	addrs   []string
	changed chan struct{} // closed, and replaced, by each change
	end     chan struct{} // closed by the test that needs it
}

func newRegistry(addrs ...string) *registry {
	return &registry{addrs: addrs, changed: make(chan struct{}), end: make(chan struct{})}
}

func (r *registry) set(addrs ...string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.addrs = addrs
	close(r.changed)
	r.changed = make(chan struct{})
}

func (r *registry) list() ([]string, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.addrs, r.changed
}

// changes is the diff that most legacy watchers work out, deletes first; known
// becomes now.
func changes(known *[]string, now []string) (updates []*naming.Update) {
	for _, a := range *known {
		if !slices.Contains(now, a) {
			updates = append(updates, del(a)...)
		}
	}
	for _, a := range now {
		if !slices.Contains(*known, a) {
			updates = append(updates, add(a)...)
		}
	}
	*known = now
	return updates
}

// next is the Next of most legacy watchers: it waits until there is something new.
// It fails when done is closed, or after a timeout if there is one, as the request
// to a name system that has a deadline.
func (r *registry) next(known *[]string, done <-chan struct{}, timeout time.Duration) ([]*naming.Update, error) {
	var over <-chan time.Time
	if timeout > 0 {
		over = time.After(timeout)
	}
	for {
		now, changed := r.list()
		if updates := changes(known, now); len(updates) > 0 {
			return updates, nil
		}
		select {
		case <-changed:
		case <-over:
			return nil, errors.New("etcd: request timed out")
		case <-done:
			return nil, errors.New("watcher closed")
		}
	}
}

// freshResolver makes a watcher per Resolve.
type freshResolver struct {
	registry *registry
	timeout  time.Duration
}

func (r *freshResolver) Resolve(string) (naming.Watcher, error) {
	return &freshWatcher{registry: r.registry, timeout: r.timeout, done: make(chan struct{})}, nil
}

type freshWatcher struct {
	registry *registry
	timeout  time.Duration
	known    []string
	done     chan struct{}
}

func (w *freshWatcher) Next() ([]*naming.Update, error) {
	return w.registry.next(&w.known, w.done, w.timeout)
}

func (w *freshWatcher) Close() { close(w.done) } // the second time it panics

// emptyCloseResolver is its own watcher, and Close has nothing to do: a Next
// that is blocked stays blocked until the registry changes.
type emptyCloseResolver struct {
	registry *registry
	known    []string
}

func (r *emptyCloseResolver) Resolve(string) (naming.Watcher, error) { return r, nil }
func (r *emptyCloseResolver) Next() ([]*naming.Update, error) {
	return r.registry.next(&r.known, nil, 0)
}
func (r *emptyCloseResolver) Close() {}

// contextResolver is its own watcher, and Close ends it for good.
type contextResolver struct {
	registry *registry
	known    []string
	ctx      context.Context
	cancel   context.CancelFunc
}

func newContextResolver(r *registry) naming.Resolver {
	ctx, cancel := context.WithCancel(context.Background())
	return &contextResolver{registry: r, ctx: ctx, cancel: cancel}
}

func (r *contextResolver) Resolve(string) (naming.Watcher, error) { return r, nil }
func (r *contextResolver) Next() ([]*naming.Update, error) {
	return r.registry.next(&r.known, r.ctx.Done(), 0)
}
func (r *contextResolver) Close() { r.cancel() }

// restartResolver is its own watcher, and begins anew with each Resolve.
type restartResolver struct{ freshWatcher }

func (r *restartResolver) Resolve(string) (naming.Watcher, error) {
	r.known, r.done = nil, make(chan struct{})
	return r, nil
}

// resumeResolver is its own watcher, and goes on where it was when it is resolved
// once more: what it has told it does not tell again.
type resumeResolver struct{ freshWatcher }

func (r *resumeResolver) Resolve(string) (naming.Watcher, error) {
	r.done = make(chan struct{})
	return r, nil
}

// onceResolver is its own watcher, lists what it was made with, and then has
// nothing more to say: at once, again and again, after Close.
type onceResolver struct {
	addrs []string
	sent  bool
	done  chan struct{}
}

func newOnceResolver(r *registry) naming.Resolver {
	addrs, _ := r.list()
	return &onceResolver{addrs: addrs, done: make(chan struct{})}
}

func (r *onceResolver) Resolve(string) (naming.Watcher, error) { return r, nil }

func (r *onceResolver) Next() ([]*naming.Update, error) {
	if !r.sent {
		r.sent = true
		return add(r.addrs...), nil
	}
	<-r.done
	return nil, nil
}

func (r *onceResolver) Close() { close(r.done) } // likewise

// channelResolver is its own watcher, with value receivers throughout.
type channelResolver chan []*naming.Update

func newChannelResolver(r *registry) naming.Resolver {
	addrs, _ := r.list()
	c := make(channelResolver, 1)
	c <- add(addrs...)
	return c
}

func (r channelResolver) Resolve(string) (naming.Watcher, error) { return r, nil }

func (r channelResolver) Next() ([]*naming.Update, error) {
	updates, ok := <-r
	if !ok {
		return nil, errors.New("channel closed")
	}
	return updates, nil
}

func (r channelResolver) Close() { close(r) } // likewise

// valueResolver has value receivers and makes a watcher that has them too. What
// Next writes into its receiver is lost, so that it lists everything, at once,
// again and again.
type valueResolver struct{ registry *registry }

func (r valueResolver) Resolve(string) (naming.Watcher, error) {
	return valueWatcher{registry: r.registry}, nil
}

type valueWatcher struct {
	registry *registry
	known    []string
}

func (w valueWatcher) Next() ([]*naming.Update, error) {
	now, _ := w.registry.list()
	return changes(&w.known, now), nil
}

func (w valueWatcher) Close() {}
