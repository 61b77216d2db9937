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

// ErrorReporter is an optional interface of a naming.Watcher that keeps trying
// inside Next instead of returning an error, as consulnaming's does. The
// adapter calls OnError once, before the first Next. The watcher then calls f,
// from within Next, with the reason of each failure, and RPCs show that reason
// for as long as no address is known.
type ErrorReporter interface {
	OnError(f func(error))
}

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

	// fold takes the updates of one Next and says whether they changed
	// anything. fresh marks the first that a watcher delivers: they are the
	// full set, and what was known before is void.
	fold func(updates []*naming.Update, fresh bool) (changed bool)
	// failed takes the reason why nothing new is known.
	failed func(error)

	ctx    context.Context
	cancel context.CancelFunc

	mu      sync.Mutex // guards what follows
	current naming.Watcher
	stopped bool
}

func newWatch(r naming.Resolver, target string, fold func([]*naming.Update, bool) bool, failed func(error)) *watch {
	w := &watch{resolver: r, target: target, fold: fold, failed: failed}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// resolve asks the resolver for a watcher and keeps it as the current one.
func (w *watch) resolve() error {
	var got naming.Watcher
	err := contain(fmt.Sprintf("%T.Resolve", w.resolver), func() (err error) {
		got, err = w.resolver.Resolve(w.target)
		return err
	})
	if err == nil && got == nil {
		err = fmt.Errorf("%T.Resolve returned neither a watcher nor an error", w.resolver)
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
		return nil
	}
	if r, ok := got.(ErrorReporter); ok {
		r.OnError(func(err error) {
			if w.ctx.Err() == nil {
				w.failed(err)
			}
		})
	}
	return nil
}

// run is the goroutine of the watch. It ends soon after stop, unless a method
// of the user's never returns. err is what the first resolve returned.
func (w *watch) run(err error) {
	retry := newBackOff()
	limit := rate.NewLimiter(idleNexts, idleBurst)
	fresh, first := true, true
	for w.ctx.Err() == nil {
		w.mu.Lock()
		watcher := w.current
		w.mu.Unlock()
		if watcher == nil {
			delay := retry.NextBackOff()
			logger.Warningf("%v; resolving again in %v, the last addresses stay", err, delay)
			if !sleep(w.ctx, delay) {
				return
			}
			if err = w.resolve(); err != nil {
				w.failed(err)
			}
			fresh = true
			continue
		}

		var updates []*naming.Update
		err = contain(fmt.Sprintf("%T.Next", watcher), func() (err error) {
			updates, err = watcher.Next()
			return err
		})
		if w.ctx.Err() != nil {
			return
		}
		if err != nil { // and updates, if any, are dropped, as in v1.29.1
			err = fmt.Errorf("watching target %q: %w", w.target, err)
			w.closeCurrent()
			w.failed(err)
			continue
		}
		retry.Reset()
		if len(updates) == 0 && !first {
			// Nothing, and not "no addresses": that is said by the first Next.
			// A later watcher that starts with nothing must not take away what
			// the watcher before it knew.
			if limit.Wait(w.ctx) != nil {
				return
			}
			continue
		}
		if !w.fold(updates, fresh) && limit.Wait(w.ctx) != nil {
			return
		}
		fresh, first = false, false
	}
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
	_ = contain(fmt.Sprintf("%T.Close", w), func() error {
		w.Close()
		return nil
	})
}
