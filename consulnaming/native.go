package consulnaming

// The resolver.Resolver: the list of an answer as a resolver.State. One goroutine per
// ClientConn takes answers and tells grpc; grpc calls Close.

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"google.golang.org/grpc/resolver"
)

// lateAnswer is how long a resolver waits for the first answer before it makes do with
// what one before it knew.
const lateAnswer = 200 * time.Millisecond

// closeTime is how long Close waits for a call to grpc, or to a function of the user,
// that has begun. A policy may close the ClientConn that calls it.
const closeTime = time.Second

type nativeResolver struct {
	follower
	cc       resolver.ClientConn
	endpoint func(Instance, resolver.Endpoint) resolver.Endpoint
	known    *sync.Map     // of the builder: see there
	key      key           // of the query, there
	ended    chan struct{} // closed when the goroutine has ended

	// What follows belongs to the goroutine.
	reported string  // the error that grpc was told last, "" if there is none any more
	unended  skipped // instances that have no endpoint
}

func newNative(q *query, o *options, cc resolver.ClientConn, known *sync.Map) *nativeResolver {
	r := &nativeResolver{follower: newFollower(q, o), cc: cc, endpoint: o.endpoint, known: known, key: q.key, ended: make(chan struct{})}
	go r.run()
	return r
}

// run sends a State when addresses or instances have changed, and when the agent
// answers again: grpc would go on to show the error. What is known comes before the
// reason why there is nothing newer.
func (r *nativeResolver) run() {
	defer close(r.ended)
	defer r.remember()
	late := time.NewTimer(lateAnswer)
	defer late.Stop()
	l := r.join()
	for l != nil && !r.isClosed() {
		now := l.now.Load()
		before, first := r.last, r.number == 0
		news := r.take(now.answer) && (first || !same(before, r.last))
		if news || r.reported != "" && now.err == nil {
			r.send(now.answer)
		}
		if now.err != nil {
			r.recall()
		}
		r.report(now.err)
		select {
		case <-now.superseded:
		case <-late.C:
			r.recall()
		case <-r.done:
		}
	}
}

// recall sends what a resolver of the same target knew when it was closed, if there has
// been no answer yet. When Consul is away, a ClientConn that wakes up from idleness is
// no worse off than one that has stayed awake.
func (r *nativeResolver) recall() {
	if list, ok := r.known.Load(r.key); ok && r.number == 0 && r.last == nil {
		r.last = list.([]instance)
		r.send(new(answer))
	}
}

// remember keeps what is known for the next resolver of the same target.
func (r *nativeResolver) remember() {
	switch {
	case r.number == 0 || r.key.alone != nil:
	case len(r.last) == 0:
		r.known.Delete(r.key)
	default:
		r.known.Store(r.key, r.last)
	}
}

func (r *nativeResolver) isClosed() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// send sends what a has said, or what was known before it.
func (r *nativeResolver) send(a *answer) {
	state, left := r.state()
	r.leaveOut(a, left, &r.unended)
	if !r.isClosed() {
		// An error would ask for another try soon: a watch cannot be asked.
		_ = r.cc.UpdateState(state)
	}
}

// report tells grpc an error that is another than the last. An LB policy shows it while
// there is no address.
func (r *nativeResolver) report(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != r.reported && !r.isClosed() {
		r.cc.ReportError(err)
	}
	r.reported = text
}

// state is what is known, in slices that nobody else has: an LB policy may sort them.
func (r *nativeResolver) state() (s resolver.State, left skipped) {
	n := len(r.last)
	room := make([]resolver.Address, 2*n) // of all in one allocation
	s.Addresses, s.Endpoints = room[:0:n], make([]resolver.Endpoint, 0, n)
	var stack sync.Once // one is logged, not one per instance
	for i, at := range r.last {
		own := room[n+i : n+i+1 : n+i+1]
		own[0].Addr = at.addr
		e, err := r.endpointOf(at, resolver.Endpoint{Addresses: own, Attributes: at.attributes}, &stack)
		if err != nil {
			if left == nil {
				left = make(skipped)
			}
			left[attributeOf(at.attributes).String()] = err.Error()
		}
		if len(e.Addresses) == 0 {
			continue
		}
		s.Endpoints = append(s.Endpoints, e)
		for _, a := range e.Addresses {
			// Not Attributes: with others of those, an address is another connection.
			if a.BalancerAttributes == nil {
				a.BalancerAttributes = e.Attributes
			}
			s.Addresses = append(s.Addresses, a)
		}
	}
	return s, left
}

// endpointOf logs the stack of a panic once.
func (r *nativeResolver) endpointOf(at instance, e resolver.Endpoint, once *sync.Once) (changed resolver.Endpoint, err error) {
	if r.endpoint == nil {
		return e, nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the EndpointFunc panicked: %v", p)
			once.Do(func() { logger.Errorf("%v\n%s", err, debug.Stack()) })
		}
	}()
	i, _ := InstanceOf(at.attributes)
	return r.endpoint(i, e), nil
}

// ResolveNow does nothing: the query that waits is answered as soon as there is news.
func (r *nativeResolver) ResolveNow(resolver.ResolveNowOptions) {}

// Close ends the goroutine and leaves the loop. Grpc is not called any more after that,
// unless a call takes longer than closeTime.
func (r *nativeResolver) Close() {
	r.follower.Close()
	late := time.NewTimer(closeTime)
	defer late.Stop()
	select {
	case <-r.ended:
	case <-late.C:
	}
}
