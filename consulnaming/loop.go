package consulnaming

// The query that watchers share. A loop owns the goroutine that sends it. Watchers
// join, leave and read now; the mutex of loops guards who has joined.

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
	"golang.org/x/time/rate"

	"github.com/grpcnaming/grpcnaming/naming"
)

const (
	// An agent whose index runs ahead of every query answers each at once.
	// Real changes come in bursts: a few of them are not held up.
	queryRate  = rate.Limit(10) // per second
	queryBurst = 10
)

// loop sends one query again and again, for all watchers that have the same one. The
// first of them starts its goroutine, which ends with the Close of the last.
type loop struct {
	*query
	ctx      context.Context
	cancel   context.CancelFunc
	watchers int // guarded by loops

	now   atomic.Pointer[state]
	stats stats

	// What follows belongs to the goroutine.
	limit   *rate.Limiter
	retries *retries
	said    string    // the last failure in the log
	logged  time.Time // when that was
	at      position
	skipped skipped
}

// state is what a loop knows at one moment. It does not change; superseded is
// closed when another one takes its place.
type state struct {
	answer     *answer // the last; nil before the first
	err        error   // why there is no newer one
	superseded chan struct{}
}

// answer is what the agent said, as far as the watchers of the loop need it. Only
// warned changes.
type answer struct {
	number  uint64              // 1 for the first of a loop
	list    []instance          // in the query's view
	changes []*naming.Update    // from the answer before to list; nil in the native view
	entries []*api.ServiceEntry // instead of both, if the watchers have views of their own

	warned sync.Map // the lines that watchers have logged about it
}

// loops has the loops that run. Its mutex also guards how many watchers each has. No
// other lock is taken under it.
var loops = struct {
	sync.Mutex
	running map[key]*loop
}{running: make(map[key]*loop)}

// join returns the loop that sends q, for a watcher that will leave it once.
func join(q *query) *loop {
	loops.Lock()
	defer loops.Unlock()
	l := loops.running[q.key]
	if l == nil {
		l = newLoop(q)
		loops.running[q.key] = l
		go l.run()
	}
	l.watchers++
	return l
}

func newLoop(q *query) *loop {
	l := &loop{
		query: q,
		limit: rate.NewLimiter(queryRate, queryBurst),
		// A server that still reads its log would take away what is known from an
		// earlier watcher. So the leader has to confirm the first answer, unless the
		// user asks for stale or cached ones.
		at:      position{confirm: !q.asked.query.AllowStale && !q.asked.query.UseCache},
		retries: newRetries(q.asked.maxBackoff),
	}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	l.now.Store(&state{superseded: make(chan struct{})})
	return l
}

// leave ends the loop, its query in flight and its connection if nobody is left.
func (l *loop) leave() {
	loops.Lock()
	l.watchers--
	last := l.watchers == 0
	if last {
		delete(loops.running, l.key)
	}
	loops.Unlock()
	if last {
		l.cancel()
		l.closeIdle()
	}
}

func (l *loop) run() {
	defer l.closeIdle() // leave may have closed them before the last query ended
	for l.limit.Wait(l.ctx) == nil {
		l.refreshed()
		blocking := l.at.index > 0
		var entries []*api.ServiceEntry
		var err error
		l.stats.asked()
		entries, l.at, err = l.ask(l.ctx, l.at)
		switch {
		case l.ctx.Err() != nil:
			return
		case err == errAskAnew:
		case err != nil:
			l.failed(err)
		case len(entries) == 0 && blocking:
			// To a token that has lost its rights, Consul 1.22 says that there is no
			// instance, at the index that it was given. Only to a query without an
			// index does it say that something was left out. And an anonymous token
			// that is given a right sees nothing until the index moves.
			l.at.index = 0
		default:
			l.retries.answered()
			l.said = ""
			l.stats.answered(len(entries), l.at.index)
			l.answered(l.asked.choose(entries))
		}
	}
}

// failed publishes why there is no answer, and waits until the next try, or until the
// environment says something new. The log has a reason when it is new, and again
// every lastRetry.
func (l *loop) failed(err error) {
	if l.refreshed() {
		return
	}
	l.stats.failed(err)
	delay := l.retries.after(err)
	if text := err.Error(); text != l.said || time.Since(l.logged) >= lastRetry {
		logger.Warningf("%s; trying again in %v", text, delay)
		l.said, l.logged = text, time.Now()
	}
	l.publish(l.now.Load().answer, err)
	over := time.After(delay)
	look := time.NewTicker(lookTime)
	defer look.Stop()
	for {
		select {
		case <-over:
			return
		case <-look.C:
			if l.refreshed() {
				return
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// refreshed says whether the environment says something new, with which to go on.
func (l *loop) refreshed() bool {
	if !l.refresh() {
		return false
	}
	l.at.index = 0 // another token may see more, at the same index
	return true
}

func (l *loop) answered(entries []*api.ServiceEntry) {
	now := l.now.Load()
	next := &answer{number: 1}
	if now.answer != nil {
		next.number = now.answer.number + 1
	}
	if l.entries {
		next.entries = entries
	} else {
		var left skipped
		next.list, left = l.view.instances(entries)
		if text := l.skipped.replace(left); text != "" {
			l.warn(text)
		}
		switch {
		case now.answer == nil:
		case l.view.native:
			if same(now.answer.list, next.list) {
				next = now.answer
			}
		default:
			next.changes = diff(now.answer.list, next.list)
			if len(next.changes) == 0 {
				next = now.answer
			}
		}
	}
	if next != now.answer || now.err != nil {
		l.publish(next, nil)
	}
}

func (l *loop) publish(a *answer, err error) {
	former := l.now.Swap(&state{answer: a, err: err, superseded: make(chan struct{})})
	close(former.superseded)
}

// copyOf gives a user updates of his own: he may change them, and other watchers
// have the same.
func copyOf(updates []*naming.Update) []*naming.Update {
	updates = slices.Clone(updates)
	for i, u := range updates {
		own := *u
		updates[i] = &own
	}
	return updates
}
