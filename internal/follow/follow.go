// Package follow follows one target through a naming.Resolver: it resolves,
// calls Next, folds what that returns into a set, and begins again when a
// watcher fails. It is what RoundRobin and NewBuilder of package adapter have in
// common.
package follow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/contain"
	"github.com/grpcnaming/grpcnaming/internal/retry"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Delays before Resolve is called again after it, or Next, has failed, and the
// rate of calls to a Next that returns at once without a change.
const (
	firstRetry = 200 * time.Millisecond
	soonRetry  = 5 * time.Second // at most, for soonTime
	soonTime   = time.Minute
	lastRetry  = 30 * time.Second
	idleNexts  = rate.Limit(10) // per second
	idleBurst  = 10

	// closeTime is how long the Close of a watcher that has failed is waited
	// for.
	closeTime = time.Second
)

// BackOff has the delays between tries: five seconds at most in the first minute, as
// what fails is often back soon. One goroutine may use it.
type BackOff struct {
	soon, late *backoff.ExponentialBackOff
	since      time.Time // of the first; zero before that
}

// NewBackOff returns the delays of one failure; another one begins with new ones.
func NewBackOff() *BackOff {
	return &BackOff{soon: retry.New(firstRetry, soonRetry), late: retry.New(soonRetry, lastRetry)}
}

// Next returns the next delay, with jitter.
func (b *BackOff) Next() time.Duration {
	if b.since.IsZero() {
		b.since = time.Now()
	}
	if time.Since(b.since) < soonTime {
		return b.soon.NextBackOff()
	}
	return b.late.NextBackOff()
}

// Sleep waits for d and says whether ctx is still alive then.
func Sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A Watch follows one target for as long as it takes: a watcher that fails is
// closed and another one resolved, with backoff. In grpc-go v1.29.1 (balancer.go,
// watchAddrUpdates) the first error was the last thing heard of the target.
type Watch struct {
	resolver naming.Resolver
	target   string
	calls    *Calls
	changed  func()

	ctx    context.Context
	cancel context.CancelFunc

	// These belong to the goroutine of the watch.
	retry    *BackOff
	limit    *rate.Limiter
	resolved time.Time // when the current watcher was
	err      error     // why there is no current watcher
	first    bool      // nothing has been known so far
	fresh    bool      // the current watcher has not delivered
	full     bool      // its first Next is all there is, see adapter.FullLister

	mu      sync.Mutex // guards what follows
	current naming.Watcher
	stopped bool
	known   addrset.Set
	reason  error // why nothing is known
}

// New returns a watch that begins with what is known. It calls changed, with no
// lock held, when there is something new to be had from Known; calls belongs to
// whoever resolves the same target again and again with the same resolver.
func New(r naming.Resolver, target string, calls *Calls, known addrset.Set, changed func()) *Watch {
	w := &Watch{resolver: r, target: target, calls: calls, known: known, changed: changed}
	w.first, w.fresh = known.Len() == 0, true
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// Known returns the addresses in order, in a new slice of the type that the caller
// has for them, or the reason why there are none, if that is known.
func Known[A ~struct {
	Addr     string
	Metadata interface{}
}](w *Watch) ([]A, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return addrset.List[A](&w.known), w.reason
}

// Done is closed when the watch has been stopped.
func (w *Watch) Done() <-chan struct{} { return w.ctx.Done() }

// Resolve asks the resolver for a watcher and keeps it as the current one. It is
// called before Run, or not at all.
func (w *Watch) Resolve() error {
	w.calls.settle()
	if w.ctx.Err() != nil {
		return nil // nobody wants a watcher any more
	}
	var got naming.Watcher
	err := contain.Call(w.resolver, "Resolve", func() (err error) {
		got, err = w.resolver.Resolve(w.target)
		return err
	})
	if err == nil && got == nil {
		err = fmt.Errorf("%T.Resolve returned neither a watcher nor an error", w.resolver)
	}
	if err == nil && w.ctx.Err() == nil {
		if err = w.introduce(got); err != nil {
			closeWatcher(got)
		}
	}
	if err != nil {
		return fmt.Errorf("resolving target %q: %w", w.target, err)
	}
	w.mu.Lock()
	stopped := w.stopped
	if !stopped {
		w.current = got
	}
	w.mu.Unlock()
	if stopped { // while Resolve was running
		closeWatcher(got)
	}
	return nil
}

// introduce uses what a new watcher has of the optional interfaces
// adapter.ErrorReporter and adapter.FullLister.
func (w *Watch) introduce(watcher naming.Watcher) error {
	if r, ok := watcher.(interface{ OnError(func(error)) }); ok {
		err := contain.Call(watcher, "OnError", func() error {
			r.OnError(func(err error) {
				if w.ctx.Err() == nil {
					w.failed(err)
				}
			})
			return nil
		})
		if err != nil {
			return err
		}
	}
	w.full = false
	l, ok := watcher.(interface{ FirstNextIsFull() bool })
	if !ok {
		return nil
	}
	return contain.Call(watcher, "FirstNextIsFull", func() error {
		w.full = l.FirstNextIsFull()
		return nil
	})
}

// Run is the goroutine of the watch. It ends with Stop, or when the Next that is
// running then returns. err is what Resolve has returned.
func (w *Watch) Run(err error) {
	w.retry, w.limit = NewBackOff(), rate.NewLimiter(idleNexts, idleBurst)
	w.resolved, w.err = time.Now(), err
	if err != nil {
		w.failed(err)
	}
	for {
		w.mu.Lock()
		watcher := w.current
		w.mu.Unlock()
		if w.ctx.Err() != nil { // after the look at current, as Stop comes before Close
			return
		}
		if watcher == nil {
			w.resolveAgain()
			continue
		}
		updates, again, ok, err := w.calls.next(w.ctx, watcher)
		switch {
		case !ok:
			return
		case err != nil: // and updates, if any, are dropped, as in v1.29.1
			w.lost(watcher, err)
		case !w.fold(updates, again):
			_ = w.limit.Wait(w.ctx) // fails when the watch has ended, which is seen then
		}
	}
}

// resolveAgain waits its time and tries once.
func (w *Watch) resolveAgain() {
	delay := w.retry.Next()
	contain.Logger.Warningf("%v; resolving again in %v, the last addresses stay", w.err, delay)
	if !Sleep(w.ctx, delay) {
		return
	}
	if w.err = w.Resolve(); w.err != nil {
		w.failed(w.err)
	}
	w.resolved, w.fresh = time.Now(), true
}

// lost closes a watcher whose Next has failed.
func (w *Watch) lost(watcher naming.Watcher, err error) {
	w.err = fmt.Errorf("watching target %q: %w", w.target, err)
	contain.Within(closeTime, fmt.Sprintf("%T.Close", watcher), w.Close)
	w.failed(w.err)
	if time.Since(w.resolved) > lastRetry {
		w.retry = NewBackOff() // and not at each success: a watcher may fail after one
	}
}

// failed takes the reason why nothing new is known; nil when that is over.
func (w *Watch) failed(err error) {
	w.mu.Lock()
	news := !w.stopped && w.known.Len() == 0 && (w.reason != nil || err != nil)
	if news {
		w.reason = err
	}
	w.mu.Unlock()
	if news {
		w.changed()
	}
}

// fold takes what the current watcher has delivered, again if it has before, and
// says whether that has changed anything.
func (w *Watch) fold(updates []*naming.Update, again bool) (changed bool) {
	w.mu.Lock()
	if w.stopped {
		w.mu.Unlock()
		return false
	}
	// The very first Next says what there is, be it nothing, and so does the
	// first of a FullLister. Any other later watcher whose first Next is empty
	// or deletes something has not listed everything, nor has one that was in
	// use before and adds only what is new: it goes on where it was.
	fullSet := w.first || w.fresh && (w.full || onlyAdds(updates) && (!again || w.known.Knows(updates)))
	if w.first || w.full || len(updates) > 0 {
		w.fresh, w.first = false, false
	}
	if fullSet {
		w.known = addrset.Set{}
	}
	changed = w.known.Fold(updates) || fullSet || w.reason != nil
	w.reason = nil
	w.mu.Unlock()
	if changed {
		w.changed()
	}
	return changed
}

func onlyAdds(updates []*naming.Update) bool {
	adds := false
	for _, u := range updates {
		if u != nil && u.Op == naming.Delete {
			return false
		}
		adds = adds || u != nil && u.Op == naming.Add
	}
	return adds
}

// Stop ends the watch, and returns a copy of what is known. Nothing changes any
// more after that. Close closes the watcher, which may take long.
func (w *Watch) Stop() addrset.Set {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopped = true
	return w.known.Clone()
}

// Close closes the current watcher, once, whoever comes first: it is called
// behind Stop, and when a watcher has failed.
func (w *Watch) Close() {
	w.mu.Lock()
	watcher := w.current
	w.current = nil
	w.mu.Unlock()
	if watcher != nil {
		closeWatcher(watcher)
	}
}

func closeWatcher(w naming.Watcher) {
	_ = contain.Call(w, "Close", func() error {
		w.Close()
		return nil
	})
}

// ErrNoResolver is for a nil naming.Resolver.
var ErrNoResolver = errors.New("adapter: the naming.Resolver is nil; give NewBuilder or RoundRobin one")
