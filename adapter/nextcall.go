package adapter

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// settleTime is how long a Next that should have ended with Close is waited for
// before its resolver is asked again.
const settleTime = 100 * time.Millisecond

// nextCall is one call of Watcher.Next.
type nextCall struct {
	watcher naming.Watcher
	ended   bool // what follows is there
	updates []*naming.Update
	err     error
	over    chan struct{} // closed then; nil unless somebody waits beside the goroutine that calls
}

// nextCalls remembers the last call of Next beyond the end of its watch. One
// legacy resolver in five returns itself as the Watcher, and has a Close that
// does not end Next: when such a one is resolved again, the Next that is still
// running is the one whose updates count, and a second beside it would race with
// it for them.
type nextCalls struct {
	mu   sync.Mutex // guards what follows
	last *nextCall  // nil once its result has been used
	idle *nextCall  // to be used again
	used naming.Watcher
}

// next returns what w.Next does, which it calls unless it is being called
// already, and whether w had delivered before. When ctx has ended meanwhile it is
// not ok, and the result is for the next watch, if it is the same watcher's.
func (c *nextCalls) next(ctx context.Context, w naming.Watcher) (updates []*naming.Update, again, ok bool, err error) {
	c.mu.Lock()
	n := c.last
	if n == nil || !sameWatcher(n.watcher, w) || n.ended && n.err != nil {
		if n = c.idle; n == nil {
			n = new(nextCall)
		}
		n.watcher, c.last, c.idle = w, n, nil
		c.mu.Unlock()
		c.run(n)
	} else {
		over := n.wait()
		c.mu.Unlock()
		select {
		case <-over:
		case <-ctx.Done():
		}
	}
	if ctx.Err() != nil {
		return nil, false, false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	again = c.used != nil && sameWatcher(c.used, w)
	updates, err = n.updates, n.err
	if len(updates) > 0 { // a new watcher that begins with nothing has told nothing yet
		c.used = w
	}
	if c.last == n {
		c.last = nil
		if n.over == nil { // nobody else has n
			*n = nextCall{}
			c.idle = n
		}
	}
	return updates, again, true, err
}

var errNextExited = errors.New("Next ended its goroutine") // by runtime.Goexit, as testing.T.FailNow does

// run calls Next, on the goroutine of the watch that wants it: two switches per
// update would cost more than all the rest.
func (c *nextCalls) run(n *nextCall) {
	defer c.end(n)
	n.err = errNextExited
	n.err = contain(n.watcher, "Next", n.call)
}

func (n *nextCall) call() (err error) {
	n.updates, err = n.watcher.Next()
	return err
}

func (c *nextCalls) end(n *nextCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.ended = true
	if n.over != nil {
		close(n.over)
	}
}

// wait returns a channel that is closed when the call has ended; it is called with
// the lock held.
func (n *nextCall) wait() <-chan struct{} {
	if n.over == nil {
		n.over = make(chan struct{})
		if n.ended {
			close(n.over)
		}
	}
	return n.over
}

// settle waits for a call that is running, up to settleTime: Resolve and Next of
// resolvers that are their own watchers share variables.
func (c *nextCalls) settle() {
	c.mu.Lock()
	if c.last == nil || c.last.ended {
		c.mu.Unlock()
		return
	}
	over := c.last.wait()
	c.mu.Unlock()
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-over:
	case <-t.C:
	}
}

func sameWatcher(a, b naming.Watcher) bool { return equalOperands(a, b) && a == b }
