package adapter

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/grpcnaming/grpcnaming/naming"
)

// registry stands for the name system that legacy resolvers watch: the
// addresses of one service.
type registry struct {
	mu      sync.Mutex
	addrs   []string
	changed chan struct{} // closed, and replaced, by each change
}

func newRegistry(addrs ...string) *registry {
	return &registry{addrs: addrs, changed: make(chan struct{})}
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

// freshResolver makes a watcher per Resolve.
type freshResolver struct{ registry *registry }

func (r *freshResolver) Resolve(string) (naming.Watcher, error) {
	return &freshWatcher{registry: r.registry, done: make(chan struct{})}, nil
}

type freshWatcher struct {
	registry *registry
	known    []string
	done     chan struct{}
}

func (w *freshWatcher) Next() ([]*naming.Update, error) {
	for {
		now, changed := w.registry.list()
		if updates := changes(&w.known, now); len(updates) > 0 {
			return updates, nil
		}
		select {
		case <-changed:
		case <-w.done:
			return nil, errors.New("watcher closed")
		}
	}
}

func (w *freshWatcher) Close() { close(w.done) }

// emptyCloseResolver is its own watcher, and Close has nothing to do: a Next
// that is blocked stays blocked until the registry changes.
type emptyCloseResolver struct {
	registry *registry
	known    []string
}

func (r *emptyCloseResolver) Resolve(string) (naming.Watcher, error) { return r, nil }

func (r *emptyCloseResolver) Next() ([]*naming.Update, error) {
	for {
		now, changed := r.registry.list()
		if updates := changes(&r.known, now); len(updates) > 0 {
			return updates, nil
		}
		<-changed
	}
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
	for {
		now, changed := r.registry.list()
		if updates := changes(&r.known, now); len(updates) > 0 {
			return updates, nil
		}
		select {
		case <-changed:
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		}
	}
}

func (r *contextResolver) Close() { r.cancel() }

// restartResolver is its own watcher, and begins anew with each Resolve.
type restartResolver struct {
	registry *registry
	known    []string
	done     chan struct{}
}

func (r *restartResolver) Resolve(string) (naming.Watcher, error) {
	r.known, r.done = nil, make(chan struct{})
	return r, nil
}

func (r *restartResolver) Next() ([]*naming.Update, error) {
	w := freshWatcher{registry: r.registry, known: r.known, done: r.done}
	updates, err := w.Next()
	r.known = w.known
	return updates, err
}

func (r *restartResolver) Close() { close(r.done) }

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

func (r *onceResolver) Close() { close(r.done) } // the second time it panics

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
