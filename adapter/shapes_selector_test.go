package adapter

import (
	"context"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/naming"
)

// selector is the choice that a selectorBalancer leaves to others. Its methods
// are called one at a time.
type selector interface {
	// update is told which addresses are connected.
	update(connected []Address)
	// choose is called while there is at least one.
	choose(ctx context.Context) (addr Address, put func())
}

// selectorBalancer is a custom balancer as people wrote them: the bookkeeping of
// RoundRobin once more, with another way to choose. It can start only once.
type selectorBalancer struct {
	resolver naming.Resolver
	selector selector

	mu      sync.Mutex
	watcher naming.Watcher
	addrs   []*selectable
	notify  chan []Address
	done    bool
}

type selectable struct {
	addr      Address
	connected bool
}

func newSelectorBalancer(r naming.Resolver, s selector) *selectorBalancer {
	return &selectorBalancer{resolver: r, selector: s, notify: make(chan []Address, 1)}
}

func (b *selectorBalancer) Start(target string, config BalancerConfig) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return grpc.ErrClientConnClosing
	}
	w, err := b.resolver.Resolve(target)
	if err != nil {
		return err
	}
	b.watcher = w
	go func() {
		for b.watch(w) == nil {
		}
	}()
	return nil
}

func (b *selectorBalancer) watch(w naming.Watcher) error {
	updates, err := w.Next()
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return grpc.ErrClientConnClosing
	}
	for _, u := range updates {
		addr := Address{Addr: u.Addr, Metadata: u.Metadata}
		i := b.index(addr)
		switch {
		case u.Op == naming.Add && i < 0:
			b.addrs = append(b.addrs, &selectable{addr: addr})
		case u.Op == naming.Delete && i >= 0:
			b.addrs = slices.Delete(b.addrs, i, i+1)
		}
	}
	b.selector.update(b.connected())
	var all []Address
	for _, a := range b.addrs {
		all = append(all, a.addr)
	}
	select {
	case <-b.notify:
	default:
	}
	b.notify <- all
	return nil
}

func (b *selectorBalancer) index(addr Address) int {
	return slices.IndexFunc(b.addrs, func(a *selectable) bool { return a.addr == addr })
}

func (b *selectorBalancer) connected() (list []Address) {
	for _, a := range b.addrs {
		if a.connected {
			list = append(list, a.addr)
		}
	}
	return list
}

func (b *selectorBalancer) setConnected(addr Address, connected bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := b.index(addr); i >= 0 {
		b.addrs[i].connected = connected
	}
	b.selector.update(b.connected())
}

func (b *selectorBalancer) Up(addr Address) func(error) {
	b.setConnected(addr, true)
	return func(error) { b.setConnected(addr, false) }
}

// Get leaves out what people wrote for BlockingWait, which the adapter never asks for.
func (b *selectorBalancer) Get(ctx context.Context, _ BalancerGetOptions) (Address, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.done:
		return Address{}, nil, grpc.ErrClientConnClosing
	case len(b.connected()) == 0:
		return Address{}, nil, status.Errorf(codes.Unavailable, "there is no address available")
	}
	addr, put := b.selector.choose(ctx)
	if put == nil {
		return addr, nil, nil
	}
	return addr, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		put()
	}, nil
}

func (b *selectorBalancer) Notify() <-chan []Address { return b.notify }

func (b *selectorBalancer) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.done = true
	b.watcher.Close()
	close(b.notify) // the second time it panics
	return nil
}
