package consulnaming

// What one ClientConn hears of a loop, be it through a naming.Watcher or a
// resolver.Resolver. One goroutine takes answers, any may call Close and print a
// follower: follower.mu guards what they share.

import (
	"fmt"
	"sync"

	"google.golang.org/grpc/grpclog"
)

var logger = grpclog.Component("consulnaming")

type follower struct {
	query    *query
	view     view // that makes the list of an answer's entries
	keepLast bool
	done     chan struct{} // closed by Close

	mu     sync.Mutex // guards what follows
	loop   *loop      // nil before the first join
	closed bool

	// What follows belongs to the goroutine that takes answers.
	number  uint64     // of the last answer that was taken; 0 before the first
	last    []instance // it does not change: a next one takes its place
	kept    bool       // last is older than that answer, as KeepLastKnown wants
	skipped skipped
}

func newFollower(q *query, o *options) follower {
	return follower{query: q, view: o.view, keepLast: o.keepLast, done: make(chan struct{})}
}

// join returns the follower's loop, nil after Close.
func (f *follower) join() *loop {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	if f.loop == nil {
		f.loop = join(f.query)
		f.query = f.loop.query // of two equal ones, one is enough
	}
	return f.loop
}

// take makes the list of a the last one. It returns false if there is no list, or none
// that is to be taken.
func (f *follower) take(a *answer) bool {
	if a == nil || a.number == f.number {
		return false
	}
	f.number = a.number
	list := a.list
	if f.query.entries {
		var left skipped
		list, left = f.view.instances(a.entries)
		f.leaveOut(a, left, &f.skipped)
	}
	if f.keepLast && len(list) == 0 && len(f.last) > 0 {
		if !f.kept {
			f.warn(a, fmt.Sprintf("no instances any more; the last %d are kept", len(f.last)))
		}
		f.kept = true
		return false
	}
	f.last, f.kept = list, false
	return true
}

// leaveOut logs which instances of a are left out and were not before.
func (f *follower) leaveOut(a *answer, left skipped, before *skipped) {
	if text := before.replace(left); text != "" {
		f.warn(a, text)
	}
}

// warn logs a line about a, unless another follower has logged it.
func (f *follower) warn(a *answer, text string) {
	if _, said := a.warned.LoadOrStore(text, true); !said {
		f.query.warn(text)
	}
}

// Close makes the goroutine that waits for answers go on. The last follower of a query
// ends the query, and its connection if the client is ours. Close may be called at any
// time and more than once.
func (f *follower) Close() {
	f.mu.Lock()
	l, again := f.loop, f.closed
	f.closed = true
	f.mu.Unlock()
	if again {
		return
	}
	close(f.done)
	if l != nil {
		l.leave()
	}
}
