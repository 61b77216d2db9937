package naming

import (
	"context"
	"net"
)

// ipWatcher watches a target that is an IP literal: there is one Update, and
// never another.
type ipWatcher struct {
	target string
	first  chan *Update
	ctx    context.Context
	cancel context.CancelFunc
}

func newIPWatcher(target, host, port string) *ipWatcher {
	w := &ipWatcher{target: target, first: make(chan *Update, 1)}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	w.first <- &Update{Op: Add, Addr: net.JoinHostPort(host, port)}
	return w
}

// Next returns the address the first time, and then blocks until Close.
func (w *ipWatcher) Next() ([]*Update, error) {
	// On its own, because the select below may choose either when both are ready.
	if w.ctx.Err() != nil {
		return nil, errClosed(w.target)
	}
	select {
	case <-w.ctx.Done():
		return nil, errClosed(w.target)
	case u := <-w.first:
		return []*Update{u}, nil
	}
}

// OnError is there so that both watchers have it. Nothing can fail here.
func (w *ipWatcher) OnError(func(error)) {}

// Close makes every Next return an error. It may be called more than once.
func (w *ipWatcher) Close() { w.cancel() }
