package consulnaming

// One query, and which answers to it are believed. The goroutine of the loop calls it
// and keeps the position; the rest does not change.

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/consul/api"
)

const (
	defaultWait = time.Minute      // the agent holds a query for so long without a change
	longestWait = 10 * time.Minute // the agent's own limit
	slack       = 10 * time.Second // for the network, and a busy agent

	// The wait where the agent may not notice that there is something to tell. With
	// the sixteenth that the agent adds it is less than two seconds.
	briefWait = 1750 * time.Millisecond

	// An index that no Consul reaches: at a million changes a second it takes 285
	// years. A query with such an index would see no change before its wait is over.
	absurdIndex = 1 << 53

	// A step that no Consul makes from one answer to the next: at ten thousand changes
	// a second it takes five days. The first answer of a watch may have such an index.
	farIndex = 1 << 32

	errorLength = 512 // bytes of an agent's error text that are worth repeating
)

var (
	errAskAnew  = errors.New("consulnaming: the query is to be sent anew, without an index")
	errForeign  = errors.New("the answer is not what a Consul agent says, check the address")
	errFiltered = errors.New("permission denied: the token may not read the instances (service:read and node:read are needed)")
)

// query is what is asked of which agent.
type query struct {
	client      *api.Client
	own         atomic.Pointer[http.Client] // under client, unless that was given to New
	agent       string                      // for errors
	service     string
	asked       asked
	view        view // that makes the list of an answer's entries
	entries     bool // instead, the watchers have views of their own, and need the entries
	secrets     secrets
	environment *environment // that client is made of, nil if it was given to New
	key         key

	panicked sync.Once // for the stack of the client's first panic
}

// position is how far a loop has come with its query.
type position struct {
	index   uint64 // the agent answers when its index is above this; 0: at once
	reached uint64 // the index of the last answer that was believed
	confirm bool   // the leader has to confirm the next answer
	brief   bool   // the wait is not to be longer than briefWait
	partial bool   // the agent has said that the token may not see all instances
}

// ask asks for the instances and blocks until they differ from those at at.index,
// or the wait is over. It returns where to go on, also with an error. It waits as long
// as the agent may take, which adds up to a sixteenth to the wait.
func (q *query) ask(ctx context.Context, at position) (entries []*api.ServiceEntry, next position, err error) {
	o := q.asked.query
	o.WaitIndex = at.index
	if at.brief {
		o.WaitTime = min(o.WaitTime, briefWait)
	}
	if at.confirm {
		o.RequireConsistent, o.AllowStale, o.UseCache = true, false, false // they exclude each other
	}
	bound := slack // without an index the agent answers at once
	if at.index > 0 {
		bound += o.WaitTime + o.WaitTime/16
	}
	if q.asked.timeout > 0 {
		bound = min(bound, q.asked.timeout)
	}
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	ctx, anew := context.WithCancelCause(ctx)
	defer anew(nil)
	// Consul 1.22 may hold a query for ten seconds and more after its token was deleted.
	defer q.environment.watch(func() { anew(errAskAnew) })()
	if at.index > 0 {
		ctx = onceOnly(ctx, func() { anew(errAskAnew) })
	}
	entries, meta, err := q.send(o.WithContext(ctx))
	// After a failure, the index is forgotten: whoever answers next may not have
	// reached it, and a query with it would block.
	next = position{reached: at.reached, confirm: at.confirm, partial: at.partial}
	if err != nil {
		if context.Cause(ctx) == errAskAnew {
			return nil, next, errAskAnew
		}
		if ctx.Err() == context.DeadlineExceeded {
			err = fmt.Errorf("no answer within %v: %w", bound, err)
		}
		return nil, next, q.explain(err)
	}
	if meta.LastIndex < at.reached && (at.index > 0 || !o.RequireConsistent) {
		// The index has gone back. The servers may have lost their state: then the
		// index is to be forgotten, see
		// https://developer.hashicorp.com/consul/api-docs/features/blocking. Or a
		// server was restarted, or has come to lead, and still reads its log: it names
		// old instances, or none. The leader does not do that if it is asked for a
		// consistent read, see
		// https://developer.hashicorp.com/consul/api-docs/features/consistency. Or the
		// token was deleted: to a blocking query Consul 1.22 then says that there is no
		// instance, at index 1; to one without an index it says that the token is bad.
		next.confirm = true
		return nil, next, errAskAnew
	}
	// Consul has an index in every answer, and it is never 0.
	if entries == nil || slices.ContainsFunc(entries, incomplete) || len(entries) == 0 && meta.LastIndex == 0 {
		return nil, next, q.explain(errForeign)
	}
	if len(entries) == 0 && meta.ResultsFilteredByACLs {
		return nil, next, q.explain(errFiltered)
	}
	next.partial = q.partial(meta, at)
	if meta.LastIndex >= absurdIndex {
		return entries, next, nil
	}
	next.index, next.reached, next.confirm = max(meta.LastIndex, 1), meta.LastIndex, false // index 0 would not block
	far := meta.LastIndex > at.reached+farIndex
	if far && at.reached > 0 {
		next.reached = at.reached
	}
	// The anonymous token may see nothing because it lacks the right. Consul does not
	// say so, and does not answer its query when it is given the right.
	next.brief = far || len(entries) == 0
	return entries, next, nil
}

// partial says whether the token may see only some of the instances, and logs when
// that begins. Consul 1.22 may not say it to a query with an index.
func (q *query) partial(meta *api.QueryMeta, at position) bool {
	if meta.ResultsFilteredByACLs && !at.partial {
		q.warn("the token may not read all instances (service:read and node:read are needed for each): only those that it may read are known")
	}
	return meta.ResultsFilteredByACLs || at.partial && at.index > 0
}

// onceOnly calls again when net/http is about to send the request of ctx a second
// time, as it does by itself with a GET whose connection broke without an answer.
// That may go to an agent that was restarted empty: it would block on the old index
// until the wait is over.
func onceOnly(ctx context.Context, again func()) context.Context {
	var waiting atomic.Bool // for an answer, on a connection
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) {
			if waiting.Load() {
				again()
			}
		},
		GotConn:              func(httptrace.GotConnInfo) { waiting.Store(true) },
		GotFirstResponseByte: func() { waiting.Store(false) }, // what follows a redirect is another request
	})
}

// send sends the query. The transport of a client that was given to New may panic.
// On the loop's goroutine the user could not recover that, so it becomes an error. Its
// stack is logged once, and not with each retry.
func (q *query) send(o *api.QueryOptions) (entries []*api.ServiceEntry, meta *api.QueryMeta, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the Consul client panicked: %v", p)
			q.panicked.Do(func() { logger.Errorf("%v\n%s", q.explain(err), debug.Stack()) })
		}
	}()
	return q.client.Health().ServiceMultipleTags(q.service, q.asked.tags, q.asked.health == Passing, o)
}

// incomplete says that e is no instance, as in an array of something else.
func incomplete(e *api.ServiceEntry) bool { return e == nil || e.Service == nil || e.Node == nil }

// explain adds the service and the agent to an error. It hides what is secret, and
// makes one line of bounded length of the rest: an agent, or whoever answers in its
// place, may say anything.
func (q *query) explain(err error) error {
	failure := failureOf(err)
	var syntax *json.SyntaxError
	var shape *json.UnmarshalTypeError
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &syntax) || errors.As(err, &shape):
		err = fmt.Errorf("%w: %w", errForeign, err)
	case errors.As(err, &large): // its text is about a request
		err = fmt.Errorf("the answer has more than %d bytes", large.Limit)
	}
	text := cut(oneLine(q.secrets.hide(err.Error())), errorLength)
	if text != err.Error() {
		err = errors.New(text) // not wrapped: errors.Unwrap would show the original
	}
	return &failedQuery{fmt.Errorf("consul service %q, %s: %w", q.service, q.agent, err), failure}
}

// warn logs a line about the query.
func (q *query) warn(text string) { logger.Warningf("service %q, %s: %s", q.service, q.agent, text) }

// datacenter is the one that is asked for, "" for the agent's own.
func (q *query) datacenter() string {
	if dc := q.asked.query.Datacenter; dc != "" || q.environment == nil {
		return dc
	}
	return q.environment.config.Datacenter
}
