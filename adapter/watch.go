package adapter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Delays before Resolve is called again after it, or Next, has failed, and the
// rate of calls to a Next that returns at once without a change.
const (
	firstRetry = 200 * time.Millisecond
	lastRetry  = 30 * time.Second
	idleNexts  = rate.Limit(10) // per second
	idleBurst  = 10
)

func newBackOff() *backoff.ExponentialBackOff {
	b := backoff.NewExponentialBackOff()
	b.InitialInterval = firstRetry
	b.MaxInterval = lastRetry
	b.Multiplier = 2
	return b
}

// sleep waits for d and says whether ctx is still alive then.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

var errNoResolver = errors.New("adapter: the naming.Resolver is nil; give NewBuilder or RoundRobin one")

// watch follows one target through a naming.Resolver for as long as it takes:
// a watcher that fails is closed and another one resolved, with backoff. In
// grpc-go v1.29.1 (balancer.go, watchAddrUpdates) the first error was the last
// thing heard of the target.
type watch struct {
	resolver naming.Resolver
	target   string

	calls *nextCalls

	// fold takes the updates of one Next and says whether they changed
	// anything. With fullSet, what was known before is void.
	fold func(updates []*naming.Update, fullSet bool) (changed bool)
	// knows says whether one of the updates adds what is known.
	knows func(updates []*naming.Update) bool
	// failed takes the reason why nothing new is known, nil when that is over.
	failed func(error)

	ctx    context.Context
	cancel context.CancelFunc

	// These belong to the goroutine of the watch.
	retry    *backoff.ExponentialBackOff
	limit    *rate.Limiter
	resolved time.Time // when the current watcher was
	err      error     // why there is no current watcher
	failing  bool      // failed has been called since the last success
	first    bool      // nothing is known yet, from before either
	fresh    bool      // the current watcher has not delivered
	full     bool      // its first Next is all there is, see FullLister

	mu      sync.Mutex // guards what follows
	current naming.Watcher
	stopped bool
}

func newWatch(r naming.Resolver, target string, calls *nextCalls) *watch {
	w := &watch{resolver: r, target: target, calls: calls}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// resolve asks the resolver for a watcher and keeps it as the current one.
func (w *watch) resolve() error {
	w.calls.settle()
	if w.ctx.Err() != nil {
		return nil // nobody wants a watcher any more
	}
	var got naming.Watcher
	err := contain(w.resolver, "Resolve", func() (err error) {
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

// run is the goroutine of the watch. It ends with stop, or when the Next that is
// running then returns. err is what the first resolve returned; seeded says that
// addresses are known from before.
func (w *watch) run(err error, seeded bool) {
	w.retry, w.limit = newBackOff(), rate.NewLimiter(idleNexts, idleBurst)
	w.resolved, w.err, w.failing = time.Now(), err, err != nil
	w.first, w.fresh = !seeded, true
	w.loop()
}

func (w *watch) loop() {
	var watcher naming.Watcher
	returned := false
	defer func() {
		if !returned { // Next has called runtime.Goexit
			go func() {
				w.lost(watcher, fmt.Errorf("%T: %w", watcher, errNextExited))
				w.loop()
			}()
		}
	}()
	for {
		w.mu.Lock()
		watcher = w.current
		w.mu.Unlock()
		if w.ctx.Err() != nil { // asked after the look: stop cancels first, and takes the watcher away then
			break
		}
		if watcher == nil {
			w.resolveAgain()
			continue
		}
		updates, again, ok, err := w.calls.next(w.ctx, watcher)
		if !ok {
			break
		}
		if err != nil { // and updates, if any, are dropped, as in v1.29.1
			w.lost(watcher, err)
			continue
		}
		w.take(updates, again)
	}
	returned = true
}

// resolveAgain waits its time and tries once.
func (w *watch) resolveAgain() {
	delay := w.retry.NextBackOff()
	logger.Warningf("%v; resolving again in %v, the last addresses stay", w.err, delay)
	if !sleep(w.ctx, delay) {
		return
	}
	if w.err = w.resolve(); w.err != nil {
		w.failed(w.err)
	}
	w.resolved, w.fresh = time.Now(), true
}

// lost closes a watcher whose Next has failed.
func (w *watch) lost(watcher naming.Watcher, err error) {
	w.err = fmt.Errorf("watching target %q: %w", w.target, err)
	within(closeTime, fmt.Sprintf("%T.Close", watcher), w.closeCurrent)
	w.failed(w.err)
	w.failing = true
	if time.Since(w.resolved) > lastRetry {
		w.retry.Reset() // and not at each success: a watcher may fail after one
	}
}

// take folds what the current watcher has delivered, again if it has before.
func (w *watch) take(updates []*naming.Update, again bool) {
	if w.failing {
		w.failed(nil)
		w.failing = false
	}
	// The very first Next says what there is, be it nothing, and so does the
	// first of a FullLister. Any other later watcher whose first Next is empty
	// or deletes something has not listed everything, nor has one that was in
	// use before and adds only what is new: it goes on where it was.
	fullSet := w.first || w.fresh && (w.full || onlyAdds(updates) && (!again || w.knows(updates)))
	if w.first || w.full || len(updates) > 0 {
		w.fresh, w.first = false, false
	}
	if !w.fold(updates, fullSet) {
		_ = w.limit.Wait(w.ctx) // fails when the watch has ended, which is seen then
	}
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

// stop ends the watch and closes its watcher before it returns. Whoever started
// the watch calls it once.
func (w *watch) stop() {
	w.cancel()
	w.mu.Lock()
	w.stopped = true
	w.mu.Unlock()
	w.closeCurrent()
}

// closeCurrent closes the current watcher, once, whoever comes first.
func (w *watch) closeCurrent() {
	w.mu.Lock()
	watcher := w.current
	w.current = nil
	w.mu.Unlock()
	if watcher != nil {
		closeWatcher(watcher)
	}
}

func closeWatcher(w naming.Watcher) {
	_ = contain(w, "Close", func() error {
		w.Close()
		return nil
	})
}
