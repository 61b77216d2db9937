package adapter

import (
	"fmt"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// settleTime is how long a Next that should have ended with Close is waited for
// before its resolver is asked again.
const settleTime = 100 * time.Millisecond

// nextCall is one call of Watcher.Next, on a goroutine of its own, which ends
// when Next returns.
type nextCall struct {
	watcher naming.Watcher
	done    chan struct{} // closed when what follows is set
	updates []*naming.Update
	err     error
}

// nextCalls remembers the last call of Next beyond the end of its watch. One
// legacy resolver in five returns itself as the Watcher, and has a Close that
// does not end Next: when such a one is resolved again, the Next that is still
// running is the one whose updates count, and a second beside it would race with
// it for them.
type nextCalls struct {
	mu   sync.Mutex // guards what follows
	last *nextCall  // nil once its result has been used
	used naming.Watcher
}

// call calls w.Next, unless it is being called already.
func (c *nextCalls) call(w naming.Watcher) *nextCall {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && sameWatcher(c.last.watcher, w) && !c.last.failed() {
		return c.last
	}
	n := &nextCall{watcher: w, done: make(chan struct{})}
	c.last = n
	go func() {
		defer close(n.done)
		n.err = contain(fmt.Sprintf("%T.Next", w), func() (err error) {
			n.updates, err = w.Next()
			return err
		})
	}()
	return n
}

// failed says whether the call has ended with an error.
func (n *nextCall) failed() bool {
	select {
	case <-n.done:
		return n.err != nil
	default:
		return false
	}
}

// taken says that n's result has been used.
func (c *nextCalls) taken(n *nextCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == n {
		c.last = nil
	}
	c.used = n.watcher
}

// isUsed says whether w has delivered before.
func (c *nextCalls) isUsed(w naming.Watcher) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.used != nil && sameWatcher(c.used, w)
}

// settle waits for a call that is running, up to settleTime: Resolve and Next of
// resolvers that are their own watchers share variables.
func (c *nextCalls) settle() {
	c.mu.Lock()
	last := c.last
	c.mu.Unlock()
	if last == nil {
		return
	}
	t := time.NewTimer(settleTime)
	defer t.Stop()
	select {
	case <-last.done:
	case <-t.C:
	}
}

func sameWatcher(a, b naming.Watcher) bool { return equalOperands(a, b) && a == b }
