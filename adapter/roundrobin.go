package adapter

// The Balancer of package grpc's function of the same name. It owns a watch of its
// target (internal/follow) and the addresses that are up. Any goroutine may call
// it; roundRobin.mu guards all but the list that Get chooses from.

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/follow"
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
// Start and calls Next; it ends when Close has been called and Next has returned. The first Notify after Start adds one, until Close.
//
// Deprecated: use [NewBuilder] and the LB policy "round_robin".
func RoundRobin(r naming.Resolver) Balancer {
	return &roundRobin{resolver: r}
}

type roundRobin struct {
	resolver naming.Resolver
	calls    follow.Calls

	turn atomic.Uint32
	// candidates is what Get chooses from. It is nil when it has to be made
	// anew, so that 1,000 Ups in a row cost one new list and not 1,000.
	candidates atomic.Pointer[candidates]

	mu     sync.Mutex // guards what follows, and lives
	life   *life      // the last; nil if its Start failed
	closed bool
	// up has the addresses between Up and down, whether known or not: an
	// address that is deleted and added again before grpc has heard of it
	// keeps its connection, hence sees no other Up.
	up     addrset.Set
	epoch  uint64        // counts how often up was emptied; a down of an older epoch does nothing
	waitUp chan struct{} // closed by the next Up or Close; nil if nobody waits
}

// A life of a RoundRobin begins with Start and ends with Close, or with another
// Start.
type life struct {
	target  string
	watch   *follow.Watch      // nil without resolver
	lists   mailbox[[]Address] // likewise
	changed chan struct{}      // see signal
	ended   bool
	known   addrset.Set // when it has ended
	told    bool        // Notify has been called
}

// candidates is never changed once it is stored.
type candidates struct {
	up  []Address
	all []Address
	why error // why there are none
}

// Start may be called again. Without a Close in between, the channel of the Notify
// before brings nothing any more, and its last list stays in use, as in v1.29.1.
func (rr *roundRobin) Start(target string, _ BalancerConfig) error { return rr.begin(target, true) }

// begin is Start. Unless it may take over it fails with errStarted if another
// Start is in force.
func (rr *roundRobin) begin(target string, takeOver bool) error {
	rr.mu.Lock()
	former := rr.life
	started := former != nil && !former.ended
	switch {
	case started && !takeOver:
		rr.mu.Unlock()
		return errStarted
	case started:
		former.end()
	default:
		rr.up = addrset.Set{}
		rr.epoch++
	}
	// What was known when a ClientConn went idle is a better start than nothing,
	// and some watchers tell only what is new since.
	var known addrset.Set
	if former != nil && former.target == target {
		known = former.known
	}
	seeded := known.Len() > 0
	l := rr.newLife(target, known)
	rr.life, rr.closed = l, false
	rr.candidates.Store(nil)
	rr.mu.Unlock()
	if started {
		former.close()
	}
	if l.watch == nil {
		return nil
	}
	err := l.watch.Resolve()
	if err != nil && !seeded {
		rr.mu.Lock()
		defer rr.mu.Unlock()
		if rr.life == l && !l.ended {
			l.end()
			rr.life = nil // hence Notify returns nil, as in v1.29.1
		}
		return err
	}
	go l.watch.Run(err)
	return nil
}

func (rr *roundRobin) newLife(target string, known addrset.Set) *life {
	l := &life{target: target, changed: make(chan struct{}, 1)}
	if rr.resolver == nil {
		return l
	}
	l.lists = newMailbox[[]Address]()
	if known.Len() > 0 {
		signal(l.changed)
	}
	l.watch = follow.New(rr.resolver, target, &rr.calls, known, func() {
		rr.mu.Lock()
		defer rr.mu.Unlock()
		rr.candidates.Store(nil)
		signal(l.changed)
	})
	return l
}

// end is called once, with the lock held.
func (l *life) end() {
	l.ended = true
	if l.watch == nil {
		return
	}
	l.known = l.watch.Stop()
	if !l.told {
		close(l.lists)
	}
}

// close is called behind end, without the lock.
func (l *life) close() {
	if l.watch != nil {
		l.watch.Close()
	}
}

// Notify sends the newest list, and no older one: it is made when the change
// before it has been told.
func (rr *roundRobin) Notify() <-chan []Address {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	l := rr.life
	if l == nil || l.lists == nil {
		return nil
	}
	if !l.told && !l.ended {
		l.told = true
		select {
		case <-l.changed: // the list is there when Notify returns
			l.tell()
		default:
		}
		go func() {
			defer close(l.lists)
			for {
				select {
				case <-l.changed:
					l.tell()
				case <-l.watch.Done():
					return
				}
			}
		}()
	}
	return l.lists
}

func (l *life) tell() {
	known, _ := follow.Known[Address](l.watch)
	l.lists.put(known)
}

func (rr *roundRobin) Up(a Address) func(error) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if rr.closed || !rr.up.Add(addrset.Address(a)) {
		return nil
	}
	rr.candidates.Store(nil)
	rr.wake()
	epoch := rr.epoch
	return func(error) {
		rr.mu.Lock()
		defer rr.mu.Unlock()
		if rr.epoch == epoch && rr.up.Remove(addrset.Address(a)) {
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

// choices returns the candidates, made anew if need be. If none is up and the caller
// will wait, it also returns a channel, which is closed when one is up.
func (rr *roundRobin) choices(wait bool) (*candidates, chan struct{}, error) {
	rr.mu.Lock()
	defer rr.mu.Unlock()
	if rr.closed {
		return nil, nil, grpc.ErrClientConnClosing
	}
	c := rr.candidates.Load()
	if c == nil {
		c = rr.look()
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
		if c.why != nil {
			text = fmt.Sprintf("%s: %v", text, c.why)
		}
		return nil, nil, status.Error(codes.Unavailable, text)
	}
	return c, nil, nil
}

// look makes the candidates of what is known and up.
func (rr *roundRobin) look() *candidates {
	c := new(candidates)
	switch l := rr.life; {
	case l == nil:
	case rr.resolver == nil:
		c.all = []Address{{Addr: l.target}}
	default:
		c.all, c.why = follow.Known[Address](l.watch)
	}
	for _, a := range c.all {
		if rr.up.Has(addrset.Address(a)) {
			c.up = append(c.up, a)
		}
	}
	return c
}

func (rr *roundRobin) Close() error {
	rr.mu.Lock()
	if rr.closed {
		rr.mu.Unlock()
		return errBalancerClosed
	}
	rr.closed = true
	rr.candidates.Store(nil)
	rr.wake()
	l := rr.life
	if l == nil || l.ended {
		rr.mu.Unlock()
		return nil
	}
	l.end()
	rr.mu.Unlock()
	l.close()
	return nil
}
