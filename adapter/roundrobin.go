package adapter

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/naming"
)

var (
	errBalancerClosed = errors.New("adapter: RoundRobin is closed")
	errStarted        = errors.New("adapter: RoundRobin is started already")
)

// RoundRobin returns a Balancer that takes turns among the connected addresses
// which r reports for the target. With a nil r the target itself is the only
// address.
//
// It behaves as the function of the same name in grpc-go v1.29.1 (balancer.go),
// without its faults: a watcher that fails is replaced instead of given up,
// a Delete is never lost, an address that goes and comes back within one batch
// stays usable, and after Close it can be started again. One goroutine runs per
// Start, in which Next is called; it ends with Close, and not before a Next that
// is running has returned. The first Notify after Start adds one, until Close.
//
// Deprecated: use [NewBuilder] and the LB policy "round_robin".
func RoundRobin(r naming.Resolver) Balancer {
	return &roundRobin{resolver: r}
}

type roundRobin struct {
	resolver naming.Resolver
	calls    nextCalls

	turn atomic.Uint32
	// candidates is what Get chooses from. It is nil when it has to be made
	// anew, so that 1,000 Ups in a row cost one new list and not 1,000.
	candidates atomic.Pointer[candidates]

	mu      sync.Mutex // guards what follows
	started bool       // and neither failed nor closed since
	closed  bool
	target  string // of the last Start
	feed    *feed  // likewise; nil if that failed
	known   addressSet
	// up has the addresses between Up and down, whether known or not: an
	// address that is deleted and added again before grpc has heard of it
	// keeps its connection, hence sees no other Up.
	up     addressSet
	epoch  uint64        // counts how often up was emptied: an older down is void
	reason error         // why nothing is known; shown by Get
	waitUp chan struct{} // closed by the next Up or Close; nil if nobody waits
}

// candidates is never changed once it is stored.
type candidates struct {
	up  []Address
	all []Address
}

// Start may be called again. If it has not been closed, whoever called Notify
// before keeps the addresses that he has, as in v1.29.1.
func (rr *roundRobin) Start(target string, _ BalancerConfig) error {
	return rr.begin(target, true, nil)
}

// begin is Start. Unless it may take over it fails with errStarted if another
// Start is in force. news, if given, is called with mu held each time there is
// something new to be fetched from the feed.
func (rr *roundRobin) begin(target string, takeOver bool, news func(*feed)) error {
	rr.mu.Lock()
	if rr.started && !takeOver {
		rr.mu.Unlock()
		return errStarted
	}
	if !rr.started {
		rr.up = addressSet{}
		rr.epoch++
	} else if former := rr.feed; former != nil {
		former.end()
		if former.watch != nil {
			defer former.watch.stop()
		}
	}
	f := newFeed(rr, news)
	rr.started, rr.closed = true, false
	rr.feed, rr.reason = f, nil
	if rr.target != target {
		rr.known = addressSet{}
	}
	rr.target = target
	rr.candidates.Store(nil)
	if rr.resolver == nil {
		rr.known.add(Address{Addr: target})
		f.tell()
		rr.mu.Unlock()
		return nil
	}
	f.lists = make(chan []Address, 1)
	w := newWatch(rr.resolver, target, &rr.calls)
	w.fold = func(updates []*naming.Update, fullSet bool) bool { return rr.fold(f, updates, fullSet) }
	w.knows = rr.knows
	w.failed = func(err error) { rr.failed(f, err) }
	f.watch = w
	// What was known when a ClientConn went idle is a better start than nothing,
	// and some watchers tell only what is new since.
	seeded := rr.known.len() > 0
	if seeded {
		f.tell()
	}
	rr.mu.Unlock()

	err := w.resolve()
	if err != nil && !seeded {
		rr.mu.Lock()
		if !f.ended.Load() {
			f.end()
			rr.started, rr.feed = false, nil
		}
		rr.mu.Unlock()
		w.cancel()
		return err
	}
	go w.run(err, seeded)
	return nil
}

// fold is called by the goroutine of f's watch; it does nothing once f has ended.
func (rr *roundRobin) fold(f *feed, updates []*naming.Update, fullSet bool) (changed bool) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if f.ended.Load() {
		return false
	}
	rr.reason = nil
	if fullSet {
		rr.known = addressSet{}
	}
	if !rr.known.fold(updates) && !fullSet {
		return false
	}
	rr.candidates.Store(nil)
	f.tell()
	return true
}

func (rr *roundRobin) knows(updates []*naming.Update) bool {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	return rr.known.knows(updates)
}

// failed is called by the goroutine of f's watch. An empty list tells grpc to go
// and ask Get, which knows the reason; without it RPCs would wait in vain.
func (rr *roundRobin) failed(f *feed, err error) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if f.ended.Load() || rr.known.len() > 0 || rr.reason == nil && err == nil {
		return
	}
	rr.reason = err
	f.tell()
}

func (rr *roundRobin) Notify() <-chan []Address {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if rr.feed == nil {
		return nil
	}
	return rr.feed.notify()
}

func (rr *roundRobin) Up(a Address) func(error) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if rr.closed || !rr.up.add(a) {
		return nil
	}
	rr.candidates.Store(nil)
	rr.wake()
	epoch := rr.epoch
	return func(error) {
		rr.mu.Lock()
		defer rr.mu.Unlock()
		if rr.epoch == epoch && rr.up.remove(a) {
			rr.candidates.Store(nil)
		}
	}
}

func (rr *roundRobin) wake() {
	if rr.waitUp != nil {
		close(rr.waitUp)
		rr.waitUp = nil
	}
}

// Get takes no lock and allocates nothing while an address is connected.
func (rr *roundRobin) Get(ctx context.Context, opts BalancerGetOptions) (Address, func(), error) {
	for {
		c := rr.candidates.Load()
		var up chan struct{}
		if c == nil || len(c.up) == 0 {
			var err error
			if c, up, err = rr.choices(opts.BlockingWait); err != nil {
				return Address{}, nil, err
			}
		}
		if n := uint32(len(c.up)); n > 0 {
			return c.up[(rr.turn.Add(1)-1)%n], nil, nil
		}
		if !opts.BlockingWait {
			// As in v1.29.1 an address that is not connected: grpc waits for
			// it while it is being connected, and fails the RPC if it is down.
			return c.all[(rr.turn.Add(1)-1)%uint32(len(c.all))], nil, nil
		}
		select {
		case <-up:
		case <-ctx.Done():
			return Address{}, nil, ctx.Err()
		}
	}
}

// choices returns the candidates, made anew if need be, and for a caller that
// will wait if none of them is up the channel that is closed then.
func (rr *roundRobin) choices(wait bool) (*candidates, chan struct{}, error) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if rr.closed {
		return nil, nil, grpc.ErrClientConnClosing
	}
	c := rr.candidates.Load()
	if c == nil {
		c = &candidates{all: rr.known.snapshot().list()}
		if rr.up.len() > 0 {
			for _, a := range c.all {
				if rr.up.has(a) {
					c.up = append(c.up, a)
				}
			}
		}
		rr.candidates.Store(c)
	}
	switch {
	case len(c.up) > 0:
		return c, nil, nil
	case wait:
		if rr.waitUp == nil {
			rr.waitUp = make(chan struct{})
		}
		return c, rr.waitUp, nil
	case len(c.all) == 0:
		text := "there is no address available"
		if rr.reason != nil {
			text = fmt.Sprintf("%s: %v", text, rr.reason)
		}
		return nil, nil, status.Error(codes.Unavailable, text)
	}
	return c, nil, nil
}

func (rr *roundRobin) Close() error {
	rr.mu.Lock()
	if rr.closed {
		rr.mu.Unlock()
		return errBalancerClosed
	}
	rr.started, rr.closed = false, true
	rr.candidates.Store(nil)
	rr.wake()
	f := rr.feed
	if f != nil {
		f.end()
	}
	rr.mu.Unlock()
	if f != nil && f.watch != nil {
		f.watch.stop()
	}
	return nil
}
