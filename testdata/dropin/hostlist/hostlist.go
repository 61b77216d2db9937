// Package hostlist is a resolver as people wrote them in 2018.
package hostlist

import (
	"errors"
	"strings"
	"sync"

	"google.golang.org/grpc/naming"
)

// ErrClosed is what Next returns after Close.
var ErrClosed = errors.New("hostlist: watcher closed")

// Resolver resolves "host:port,host:port" to its parts.
type Resolver struct {
	// Fallback, if not nil, resolves targets without a comma.
	Fallback naming.Resolver
}

// NewResolver returns a Resolver that knows DNS names too.
func NewResolver() (*Resolver, error) {
	dns, err := naming.NewDNSResolver()
	if err != nil {
		return nil, err
	}
	return &Resolver{Fallback: dns}, nil
}

// Resolve implements naming.Resolver.
func (r *Resolver) Resolve(target string) (naming.Watcher, error) {
	if r.Fallback != nil && !strings.Contains(target, ",") {
		return r.Fallback.Resolve(target)
	}
	w := &watcher{first: make(chan []*naming.Update, 1), done: make(chan struct{})}
	var updates []*naming.Update
	for _, addr := range strings.Split(target, ",") {
		updates = append(updates, &naming.Update{Op: naming.Add, Addr: addr})
	}
	w.first <- updates
	return w, nil
}

type watcher struct {
	first chan []*naming.Update
	once  sync.Once
	done  chan struct{}
}

func (w *watcher) Next() ([]*naming.Update, error) {
	select {
	case updates := <-w.first:
		return updates, nil
	case <-w.done:
		return nil, ErrClosed
	}
}

func (w *watcher) Close() {
	w.once.Do(func() { close(w.done) })
}
