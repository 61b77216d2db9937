// Package sticky is a balancer that stays with one address while it is up.
package sticky

import (
	"sync"

	"golang.org/x/net/context"
	ggrpc "google.golang.org/grpc"
	"google.golang.org/grpc/codes"
)

// Balancer is a grpc.Balancer over a fixed list of addresses.
type Balancer struct {
	addrs []ggrpc.Address
	ch    chan []ggrpc.Address

	mu      sync.Mutex
	up      []ggrpc.Address
	changed chan struct{} // closed when up changes
}

var _ ggrpc.Balancer = (*Balancer)(nil)

// New returns a Balancer that prefers the addresses in order.
func New(addrs ...string) *Balancer {
	b := &Balancer{ch: make(chan []ggrpc.Address, 1), changed: make(chan struct{})}
	for _, a := range addrs {
		b.addrs = append(b.addrs, ggrpc.Address{Addr: a})
	}
	return b
}

// Start implements grpc.Balancer.
func (b *Balancer) Start(target string, config ggrpc.BalancerConfig) error {
	b.ch <- b.addrs
	return nil
}

// Up implements grpc.Balancer.
func (b *Balancer) Up(addr ggrpc.Address) func(error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up = append(b.up, addr)
	close(b.changed)
	b.changed = make(chan struct{})
	return func(error) { b.down(addr) }
}

func (b *Balancer) down(addr ggrpc.Address) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, a := range b.up {
		if a == addr {
			b.up = append(b.up[:i:i], b.up[i+1:]...)
			return
		}
	}
}

// Get implements grpc.Balancer.
func (b *Balancer) Get(ctx context.Context, opts ggrpc.BalancerGetOptions) (ggrpc.Address, func(), error) {
	for {
		addr, changed, ok := b.first()
		if ok {
			return addr, nil, nil
		}
		if !opts.BlockingWait {
			return ggrpc.Address{}, nil, ggrpc.Errorf(codes.Unavailable, "sticky: no address is up")
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ggrpc.Address{}, nil, ctx.Err()
		}
	}
}

func (b *Balancer) first() (ggrpc.Address, <-chan struct{}, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.addrs {
		for _, up := range b.up {
			if a == up {
				return a, nil, true
			}
		}
	}
	return ggrpc.Address{}, b.changed, false
}

// Notify implements grpc.Balancer.
func (b *Balancer) Notify() <-chan []ggrpc.Address { return b.ch }

// Close implements grpc.Balancer.
func (b *Balancer) Close() error {
	close(b.ch)
	return nil
}
