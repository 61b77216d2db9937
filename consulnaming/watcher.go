package consulnaming

// The naming.Watcher: the difference of one list and the next, as updates. One goroutine
// calls Next.

import (
	"errors"

	"github.com/grpcnaming/grpcnaming/naming"
)

var errClosed = errors.New("consulnaming: the watcher is closed")

// watcher is the article's consulWatcher.
type watcher struct {
	follower

	// What follows belongs to the goroutine that calls Next.
	onError func(error)
	heard   *state // the last one that tell has seen
	failing bool
}

func newWatcher(q *query, o *options) *watcher {
	return &watcher{follower: newFollower(q, o), onError: func(error) {}}
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
		if updates, ok := w.updates(now.answer); ok {
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

// updates takes a, and returns the updates from what the watcher knew. ok is false if
// Next has nothing to return for it.
func (w *watcher) updates(a *answer) (updates []*naming.Update, ok bool) {
	before, number, kept := w.last, w.number, w.kept
	if !w.take(a) {
		return nil, false
	}
	if number > 0 && a.number == number+1 && !kept && !w.query.entries {
		updates = copyOf(a.changes)
	} else {
		updates = diff(before, w.last)
	}
	return updates, number == 0 || len(updates) > 0
}
