package adapter

import (
	"context"
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// recorder is a v1 Balancer that wraps another one and checks every callback: its
// place in the order that Balancer documents, and, through enter and meddle, that
// no lock is held.
type recorder struct {
	Balancer
	fault  func(format string, args ...any)
	late   func(what string, over *time.Time)
	enter  func(what string) // is called within each callback but put
	meddle func()            // is called within put

	mu      sync.Mutex
	alive   bool       // from Start to the end of Close
	ended   *time.Time // when that was; nil while alive
	started bool       // the last Start succeeded, and Close has not been called
	notify  int        // calls of Notify since
	lives   int
	up      map[string]bool
}

// keyOfAddress is one text for what the contract calls one address.
func keyOfAddress(a Address) string { return fmt.Sprintf("%s %T %v", a.Addr, a.Metadata, a.Metadata) }

func (r *recorder) Start(target string, c BalancerConfig) error {
	r.mu.Lock()
	if r.started {
		r.fault("Start in the middle of a life")
	}
	if !r.alive {
		r.lives++
	}
	r.alive, r.ended = true, nil
	r.mu.Unlock()
	r.enter("Start")
	err := r.Balancer.Start(target, c)
	r.mu.Lock()
	r.started, r.notify, r.up = err == nil, 0, make(map[string]bool)
	r.mu.Unlock()
	return err
}

func (r *recorder) Notify() <-chan []Address {
	r.mu.Lock()
	if r.notify++; !r.started || r.notify > 1 {
		r.fault("Notify, the %dth of this life; started: %v", r.notify, r.started)
	}
	r.mu.Unlock()
	r.enter("Notify")
	return r.Balancer.Notify()
}

func (r *recorder) Up(a Address) func(error) {
	key := keyOfAddress(a)
	r.mu.Lock()
	if !r.started {
		r.fault("Up(%s) outside of a life", key)
	}
	if r.up[key] {
		r.fault("Up(%s), which is up", key)
	}
	r.up[key] = true
	life := r.lives
	r.mu.Unlock()
	r.enter("Up")
	down := r.Balancer.Up(a)
	return func(err error) {
		r.mu.Lock()
		if !r.started || r.lives != life {
			r.fault("down of %s outside of its life", key)
		}
		if !r.up[key] {
			r.fault("down of %s, which is down", key)
		}
		if err == nil {
			r.fault("down of %s without a reason", key)
		}
		delete(r.up, key)
		r.mu.Unlock()
		r.enter("down")
		if down != nil {
			down(err)
		}
	}
}

func (r *recorder) Close() error {
	r.mu.Lock()
	if !r.alive {
		r.fault("Close outside of a life")
	}
	if len(r.up) > 0 {
		r.fault("Close while %v are up", r.up)
	}
	r.started = false
	r.mu.Unlock()
	r.enter("Close")
	err := r.Balancer.Close()
	now := time.Now()
	r.mu.Lock()
	r.alive, r.ended = false, &now
	r.mu.Unlock()
	return err
}

// upNow is what is up.
func (r *recorder) upNow() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := make(map[string]bool)
	for key := range r.up {
		now[key] = true
	}
	return now
}

func (r *recorder) endTime() *time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended
}

func (r *recorder) isAlive() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.alive
}

// Get records the pick for the RPC that ctx belongs to, and what becomes of put.
func (r *recorder) Get(ctx context.Context, opts BalancerGetOptions) (Address, func(), error) {
	r.late("Get", r.endTime())
	r.enter("Get")
	a, put, err := r.Balancer.Get(ctx, opts)
	rpc, ok := ctx.Value(rpcKey{}).(*machineRPC)
	if err != nil || !ok {
		return a, put, err
	}
	p := rpc.picked(a)
	return a, func() {
		if n := p.puts.Add(1); n != 1 {
			r.fault("put for %s is called for the %dth time", a.Addr, n)
		}
		r.meddle()
		if put != nil {
			put()
		}
	}, nil
}

// listBalancer is a custom Balancer with a list of its own: the addresses that
// are up take turns. It is for use within a recorder.
type listBalancer struct {
	stray func() bool  // whether Get names an address that nobody knows
	fails func() error // what Start returns

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
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.fails(); err != nil {
		return err
	}
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
		for i := range b.up {
			if keyOfAddress(b.up[i]) == keyOfAddress(a) {
				b.up = append(b.up[:i:i], b.up[i+1:]...)
				return
			}
		}
	}
}

func (b *listBalancer) Get(context.Context, BalancerGetOptions) (Address, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn++
	switch {
	case b.stray():
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
