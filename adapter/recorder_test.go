package adapter

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recorder is a v1 Balancer that wraps another one and checks every callback: its
// place in the order that Balancer documents, and, through enter and meddle, that no
// lock is held.
type recorder struct {
	Balancer
	fault  func(format string, args ...any)
	late   func(what string, over *time.Time)
	enter  func(what string) // is called within each callback but put
	meddle func()            // is called within put

	mu       sync.Mutex
	ended    *time.Time      // when the last life ended; nil within one, from Start to the end of Close
	started  bool            // the last Start succeeded, and Close has not been called
	notified bool            // Notify has been called since
	up       map[string]bool // likewise, by keyOfAddress
}

// keyOfAddress is one text for what the contract calls one address.
func keyOfAddress(a Address) string { return fmt.Sprintf("%s %T %v", a.Addr, a.Metadata, a.Metadata) }

func (r *recorder) locked(f func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f()
}

// want faults what is not so.
func (r *recorder) want(is bool, format string, args ...any) {
	if !is {
		r.fault(format, args...)
	}
}

func (r *recorder) Start(target string, c BalancerConfig) error {
	r.locked(func() {
		r.want(!r.started, "Start in the middle of a life")
		r.ended = nil
	})
	r.enter("Start")
	err := r.Balancer.Start(target, c)
	r.locked(func() { r.started, r.notified, r.up = err == nil, false, make(map[string]bool) })
	return err
}

func (r *recorder) Notify() <-chan []Address {
	r.locked(func() {
		r.want(r.started && !r.notified, "Notify, again: %v, in a life: %v", r.notified, r.started)
		r.notified = true
	})
	r.enter("Notify")
	return r.Balancer.Notify()
}

func (r *recorder) Up(a Address) func(error) {
	key := keyOfAddress(a)
	var up map[string]bool // of this life
	r.locked(func() {
		up = r.up
		r.want(r.started && !up[key], "Up(%s), which is up: %v, in a life: %v", key, up[key], r.started)
		up[key] = true
	})
	r.enter("Up")
	down := r.Balancer.Up(a)
	return func(err error) {
		r.locked(func() {
			r.want(r.started && up[key], "down of %s, which is up: %v, in a life: %v", key, up[key], r.started)
			r.want(err != nil, "down of %s without a reason", key)
			delete(up, key)
		})
		r.enter("down")
		if down != nil {
			down(err)
		}
	}
}

func (r *recorder) Close() error {
	r.locked(func() {
		r.want(r.ended == nil, "Close outside of a life")
		r.want(len(r.up) == 0, "Close while %v are up", r.up)
		r.started = false
	})
	r.enter("Close")
	err := r.Balancer.Close()
	now := time.Now()
	r.locked(func() { r.ended = &now })
	return err
}

// now is what is up, and when the last life ended, if it has.
func (r *recorder) now() (up map[string]bool, ended *time.Time) {
	r.locked(func() { up, ended = maps.Clone(r.up), r.ended })
	return up, ended
}

// Get records the pick for the RPC that ctx belongs to, and what becomes of put.
func (r *recorder) Get(ctx context.Context, opts BalancerGetOptions) (Address, func(), error) {
	_, ended := r.now()
	r.late("Get", ended)
	r.enter("Get")
	a, put, err := r.Balancer.Get(ctx, opts)
	rpc, ok := ctx.Value(rpcKey{}).(*machineRPC)
	if err != nil || !ok {
		return a, put, err
	}
	rpc.picked.Store(&a)
	rpc.puts.Add(1)
	var called atomic.Bool
	return a, func() {
		r.want(!called.Swap(true), "put for %s is called twice", a.Addr)
		rpc.puts.Add(-1)
		r.meddle()
		if put != nil {
			put()
		}
	}, nil
}

// listBalancer is a custom Balancer with a list of its own: the addresses that
// are up take turns. It is for use within a recorder.
type listBalancer struct {
	luck *luck // decides whether Start fails, and whether Get names an address that nobody knows

	mu    sync.Mutex
	list  []Address
	lists chan []Address // of this life
	up    []Address
	turn  int
}

func (b *listBalancer) set(list []Address) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = list
	if b.lists != nil {
		b.lists <- list
	}
}

func (b *listBalancer) Start(string, BalancerConfig) error {
	if b.luck.chance(4) {
		return errors.New("not now")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lists = make(chan []Address, 1000)
	b.lists <- b.list
	return nil
}

func (b *listBalancer) Notify() <-chan []Address {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.lists
}

func (b *listBalancer) Up(a Address) func(error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up = append(b.up, a)
	return func(error) {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.up = slices.DeleteFunc(b.up, func(up Address) bool { return keyOfAddress(up) == keyOfAddress(a) })
	}
}

func (b *listBalancer) Get(context.Context, BalancerGetOptions) (Address, func(), error) {
	stray := b.luck.chance(10)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	switch {
	case stray:
		return Address{Addr: "nowhere"}, nil, nil
	case len(b.up) > 0:
		return b.up[b.turn%len(b.up)], nil, nil
	case len(b.list) > 0:
		return b.list[b.turn%len(b.list)], nil, nil
	}
	return Address{}, nil, status.Error(codes.Unavailable, "there is no address available")
}

func (b *listBalancer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lists != nil {
		close(b.lists)
		b.lists = nil
	}
	return nil
}
