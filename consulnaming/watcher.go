package consulnaming

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/consul/api"
	"golang.org/x/time/rate"
	"google.golang.org/grpc/grpclog"

	"github.com/grpcnaming/grpcnaming/naming"
)

var logger = grpclog.Component("consulnaming")

const (
	defaultWait = time.Minute      // the agent holds a query for so long without a change
	longestWait = 10 * time.Minute // the agent's own limit
	slack       = 10 * time.Second // for the way there and back, and a busy agent

	firstRetry = 250 * time.Millisecond
	lastRetry  = 10 * time.Second

	// An agent whose index runs ahead of every query answers each at once.
	// Real changes come in bursts: a few of them are not held up.
	queryRate  = rate.Limit(10) // per second
	queryBurst = 10

	errorLength = 512 // bytes of an agent's error text that are worth repeating
)

var (
	errClosed    = errors.New("consulnaming: the watcher is closed")
	errIndexBack = errors.New("consulnaming: the index went back")
	errForeign   = errors.New("the answer is not what a Consul agent says, check the address")
	errFiltered  = errors.New("permission denied: the token may not read the instances (service:read and node:read are needed)")
)

// watcher is the article's consulWatcher. Its fields belong to the goroutine
// that calls Next.
type watcher struct {
	client  *api.Client
	own     *http.Client // of client, if that is ours
	agent   string       // for errors
	service string
	options options
	secrets secrets

	ctx    context.Context
	cancel context.CancelFunc

	limit    *rate.Limiter
	retry    *backoff.ExponentialBackOff
	onError  func(error)
	index    uint64
	answered bool
	failing  bool
	last     []instance
	skipped  map[string]string
}

func newWatcher(client *api.Client, own *http.Client, agent, service string, o options, known secrets) *watcher {
	w := &watcher{
		client:  client,
		own:     own,
		agent:   agent,
		service: service,
		options: o,
		secrets: append(known, o.query.Token),
		limit:   rate.NewLimiter(queryRate, queryBurst),
		retry:   backoff.NewExponentialBackOff(),
		onError: func(error) {},
	}
	w.retry.InitialInterval = firstRetry
	w.retry.MaxInterval = lastRetry
	w.retry.Multiplier = 2
	w.ctx, w.cancel = context.WithCancel(context.Background())
	return w
}

// OnError makes Next call f with the reason of each query that fails, and with
// nil when one succeeds after that. It is called before the first Next; see
// adapter.ErrorReporter.
func (w *watcher) OnError(f func(error)) { w.onError = f }

// Next returns the changes since the last Next, deletes first, then adds, each
// sorted by address. The first returns all there is, and may be empty; the
// others wait for a change. A query that fails is logged and sent again, with
// backoff. Next fails only after Close. One goroutine at a time may call it.
func (w *watcher) Next() ([]*naming.Update, error) {
	for {
		if w.limit.Wait(w.ctx) != nil {
			closeIdle(w.own) // the last query may have ended after Close looked
			return nil, errClosed
		}
		entries, err := w.query()
		if w.ctx.Err() != nil {
			closeIdle(w.own)
			return nil, errClosed
		}
		if err == errIndexBack {
			continue
		}
		if err != nil {
			delay := w.retry.NextBackOff()
			logger.Warningf("%v; trying again in %v", err, delay)
			w.failing = true
			w.onError(err)
			select {
			case <-time.After(delay):
			case <-w.ctx.Done():
			}
			continue
		}
		w.retry.Reset()
		if w.failing {
			w.failing = false
			w.onError(nil)
		}
		list, skipped := w.options.instances(entries)
		w.warn(skipped)
		updates := diff(w.last, list)
		first := !w.answered
		w.last, w.answered = list, true
		if first || len(updates) > 0 {
			return updates, nil
		}
	}
}

// Close makes Next return, ends the query in flight and, if the client is ours,
// its connections. It may be called at any time and more than once.
func (w *watcher) Close() {
	w.cancel()
	closeIdle(w.own)
}

// query asks for the instances and blocks until they differ from those of the
// index known, or the wait is over. The bound on its time is the longest that
// the agent may take: it adds up to a sixteenth to the wait.
func (w *watcher) query() ([]*api.ServiceEntry, error) {
	q := w.options.query
	q.WaitIndex, q.WaitHash = w.index, ""
	if q.WaitTime <= 0 {
		q.WaitTime = defaultWait
	}
	q.WaitTime = min(q.WaitTime, longestWait)
	bound := slack // without an index the agent answers at once
	if q.WaitIndex > 0 {
		bound += q.WaitTime + q.WaitTime/16
	}
	ctx, cancel := context.WithTimeout(w.ctx, bound)
	defer cancel()
	entries, meta, err := w.client.Health().ServiceMultipleTags(w.service, w.options.tags, w.options.passingOnly, q.WithContext(ctx))
	if err != nil {
		// Whoever answers next may know another state, or less of it: a query
		// with an index that he has not reached would block.
		w.index = 0
		if ctx.Err() == context.DeadlineExceeded {
			err = fmt.Errorf("no answer within %v: %w", bound, err)
		}
		return nil, w.explain(err)
	}
	if meta.LastIndex < w.index {
		// See https://developer.hashicorp.com/consul/api-docs/features/blocking:
		// the servers have lost their state, and the index is to be forgotten.
		// The answer is too: to a blocking query with a token that has been
		// deleted, Consul 1.22 says that there is no instance, at index 1; to
		// one without an index, that the token is bad.
		w.index = 0
		return nil, errIndexBack
	}
	w.index = max(meta.LastIndex, 1) // 0 would not block
	if entries == nil || slices.ContainsFunc(entries, incomplete) {
		w.index = 0
		return nil, w.explain(errForeign)
	}
	if len(entries) == 0 && meta.ResultsFilteredByACLs {
		w.index = 0
		return nil, w.explain(errFiltered)
	}
	return entries, nil
}

// incomplete says that e is no instance, as in an array of something else.
func incomplete(e *api.ServiceEntry) bool { return e == nil || e.Service == nil || e.Node == nil }

// warn logs what was not logged at the answer before.
func (w *watcher) warn(skipped map[string]string) {
	for id, why := range skipped {
		if w.skipped[id] != why {
			logger.Warningf("service %q, %s: instance %s is left out: %s", w.service, w.agent, id, why)
		}
	}
	w.skipped = skipped
}

// explain adds to an error which service and which agent it is about, and takes
// out of it what is secret or endless.
func (w *watcher) explain(err error) error {
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	if errors.As(err, &syntax) || errors.As(err, &shape) {
		err = fmt.Errorf("%w: %w", errForeign, err)
	}
	text := w.secrets.hide(err.Error())
	if len(text) > errorLength {
		text = strings.ToValidUTF8(text[:errorLength], "") + "..."
	}
	if text != err.Error() {
		err = errors.New(text) // and not wrapped: the original is in reach then
	}
	return fmt.Errorf("consul service %q, %s: %w", w.service, w.agent, err)
}
