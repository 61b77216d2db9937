package follow

// Next, called once at a time whoever wants its result. The goroutines of watches
// call it; Calls.mu guards which call is the last.

import (
	"context"
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
	over    chan struct{} // closed when what follows is there
	updates []*naming.Update
	err     error
}

// Calls remembers the last call of Next beyond the end of its watch. One
// legacy resolver in five returns itself as the Watcher, and has a Close that
// does not end Next: when such a one is resolved again, the Next that is still
// running is the one whose updates count, and a second beside it would race with
// it for them. Goroutines of two watches may use it at a time.
type Calls struct {
	mu   sync.Mutex // guards what follows
	last *call      // nil once its result has been used
	used naming.Watcher
}

// next returns the result of w.Next, and whether w has delivered something before.
// It calls Next, unless that is being called already. If ctx ends before that
// returns, ok is false, and the result is for the next watch of the same watcher.
func (c *Calls) next(ctx context.Context, w naming.Watcher) (updates []*naming.Update, again, ok bool, err error) {
	c.mu.Lock()
	n := c.last
	mine := n == nil || !sameWatcher(n.watcher, w) || n.isOver() && n.err != nil
	if mine {
		n = &call{watcher: w, over: make(chan struct{})}
		c.last = n
	}
	c.mu.Unlock()
	if mine {
		n.run() // on this goroutine, as switching to another costs more than Next
	}
	select {
	case <-n.over:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return nil, false, false, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	again = c.used != nil && sameWatcher(c.used, w)
	if len(n.updates) > 0 { // an empty result does not count as a delivery
		c.used = w
	}
	if c.last == n {
		c.last = nil
	}
	return n.updates, again, true, n.err
}

func (n *call) run() {
	defer close(n.over)
	n.err = contain.Call(n.watcher, "Next", func() (err error) {
		n.updates, err = n.watcher.Next()
		return err
	})
}

func (n *call) isOver() bool {
	select {
	case <-n.over:
		return true
	default:
		return false
	}
}

// settle waits for a call that is running, up to settleTime: Resolve and Next of
// resolvers that are their own watchers share variables.
func (c *Calls) settle() {
	c.mu.Lock()
	n := c.last
	c.mu.Unlock()
	if n == nil || n.isOver() {
		return
	}
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-n.over:
	case <-t.C:
	}
}

func sameWatcher(a, b naming.Watcher) bool {
	return reflect.TypeOf(a) == reflect.TypeOf(b) && reflect.ValueOf(a).Comparable() && reflect.ValueOf(b).Comparable() && a == b
}
