package follow

import (
	"context"
	"errors"
	"reflect"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/contain"
	"github.com/grpcnaming/grpcnaming/naming"
)

// settleTime is how long a Next that should have ended with Close is waited for
// before its resolver is asked again.
const settleTime = 100 * time.Millisecond

// call is one call of Watcher.Next.
type call struct {
	watcher naming.Watcher
	ended   bool // what follows is there
	updates []*naming.Update
	err     error
	over    chan struct{} // closed then; nil unless somebody waits beside the goroutine that calls
}

// Calls remembers the last call of Next beyond the end of its watch. One
// legacy resolver in five returns itself as the Watcher, and has a Close that
// does not end Next: when such a one is resolved again, the Next that is still
// running is the one whose updates count, and a second beside it would race with
// it for them.
type Calls struct {
	mu   sync.Mutex // guards what follows
	last *call      // nil once its result has been used
	used naming.Watcher
}

// next returns what w.Next does, which it calls unless it is being called
// already, and whether w had delivered before. When ctx has ended meanwhile it is
// not ok, and the result is for the next watch, if it is the same watcher's.
func (c *Calls) next(ctx context.Context, w naming.Watcher) (updates []*naming.Update, again, ok bool, err error) {
	c.mu.Lock()
	n := c.last
	if n == nil || !sameWatcher(n.watcher, w) || n.ended && n.err != nil {
		n = &call{watcher: w}
		c.last = n
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
	}
	return updates, again, true, err
}

var errNextExited = errors.New("its goroutine ended in Next") // by runtime.Goexit, as testing.T.FailNow does

// run calls Next, on the goroutine of the watch that wants it: two switches per
// update would cost more than all the rest.
func (c *Calls) run(n *call) {
	defer c.end(n)
	n.err = errNextExited
	n.err = contain.Call(n.watcher, "Next", n.call)
}

func (n *call) call() (err error) {
	n.updates, err = n.watcher.Next()
	return err
}

func (c *Calls) end(n *call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	n.ended = true
	if n.over != nil {
		close(n.over)
	}
}

// wait returns a channel that is closed when the call has ended; it is called with
// the lock held.
func (n *call) wait() <-chan struct{} {
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
func (c *Calls) settle() {
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

func sameWatcher(a, b naming.Watcher) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
