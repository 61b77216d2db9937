package consulnaming

// What one ClientConn hears of a loop. One goroutine calls Next, any may call Close and
// print a watcher: watcher.mu guards what they share.

import (
	"errors"
	"fmt"
	"sync"

	"google.golang.org/grpc/grpclog"

	"github.com/grpcnaming/grpcnaming/naming"
)

var logger = grpclog.Component("consulnaming")

var errClosed = errors.New("consulnaming: the watcher is closed")

// watcher is the article's consulWatcher.
type watcher struct {
	query    *query
	view     view
	keepLast bool
	done     chan struct{} // closed by Close

	mu     sync.Mutex // guards what follows
	loop   *loop      // nil before the first Next
	closed bool

	// What follows belongs to the goroutine that calls Next.
	onError func(error)
	heard   *state // the last one that tell has seen
	failing bool
	number  uint64 // of the last answer that was taken; 0 before the first
	last    []instance
	kept    bool // last is older than that answer, as KeepLastKnown wants
	skipped skipped
}

func newWatcher(q *query, o *options) *watcher {
	return &watcher{query: q, view: o.view, keepLast: o.keepLast, done: make(chan struct{}), onError: func(error) {}}
}

// OnError makes Next call f with the reason of each query that fails, and with
// nil when one succeeds after that. It is called before the first Next; see
// adapter.ErrorReporter.
func (w *watcher) OnError(f func(error)) { w.onError = f }

// FirstNextIsFull makes an empty first Next take away what is known from an
// earlier watcher, unless that is to be kept; see adapter.FullLister.
func (w *watcher) FirstNextIsFull() bool { return !w.keepLast }

// Next returns the changes since the last Next, deletes first, then adds, each
// sorted by address. The first returns all there is, and may be empty; the
// others wait for a change. A query that fails is logged and sent again, with
// backoff. Next fails only after Close. One goroutine at a time may call it.
//
// The first Next starts the goroutine that sends the query, or joins the
// watchers that share it. A watcher that is slow gets the newest state, and not
// those in between.
func (w *watcher) Next() ([]*naming.Update, error) {
	for {
		l := w.join()
		if l == nil {
			return nil, errClosed
		}
		now := l.now.Load()
		if now.err == nil {
			w.tell(now)
		}
		if updates, ok := w.take(now.answer); ok {
			return updates, nil
		}
		// An error comes last: updates are of more use than why there are no more.
		w.tell(now)
		select {
		case <-now.superseded:
		case <-w.done:
		}
	}
}

// join returns the watcher's loop, nil after Close.
func (w *watcher) join() *loop {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil
	}
	if w.loop == nil {
		w.loop = join(w.query)
		w.query = w.loop.query // of two equal ones, one is enough
	}
	return w.loop
}

// tell calls onError once with each error, and with nil after the last.
func (w *watcher) tell(s *state) {
	if s == w.heard {
		return
	}
	w.heard = s
	if s.err != nil || w.failing {
		w.failing = s.err != nil
		w.onError(s.err)
	}
}

// take returns the updates from what the watcher knows to a. ok is false if Next has
// nothing to return for it.
func (w *watcher) take(a *answer) (updates []*naming.Update, ok bool) {
	if a == nil || a.number == w.number {
		return nil, false
	}
	list := a.list
	if w.query.entries {
		var left skipped
		list, left = w.view.instances(a.entries)
		if text := w.skipped.replace(left); text != "" {
			w.warn(a, text)
		}
	}
	consecutive := w.number > 0 && a.number == w.number+1 && !w.kept
	first := w.number == 0
	w.number = a.number
	if w.keepLast && len(list) == 0 && len(w.last) > 0 {
		if !w.kept {
			w.warn(a, fmt.Sprintf("no instances any more; the last %d are kept", len(w.last)))
		}
		w.kept = true
		return nil, false
	}
	if consecutive && !w.query.entries {
		updates = copyOf(a.changes)
	} else {
		updates = diff(w.last, list)
	}
	w.last, w.kept = list, false
	return updates, first || len(updates) > 0
}

// warn logs a line about a, unless another watcher has logged it.
func (w *watcher) warn(a *answer, text string) {
	if _, said := a.warned.LoadOrStore(text, true); !said {
		w.query.warn(text)
	}
}

// Close makes Next return. The last watcher of a query ends the query, and its
// connection if the client is ours. Close may be called at any time and more than
// once.
func (w *watcher) Close() {
	w.mu.Lock()
	l, again := w.loop, w.closed
	w.closed = true
	w.mu.Unlock()
	if again {
		return
	}
	close(w.done)
	if l != nil {
		l.leave()
	}
}
