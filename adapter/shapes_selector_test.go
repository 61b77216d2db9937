package adapter

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
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
	addrs   []Address
	up      map[Address]bool
	notify  chan []Address
	done    bool
}

func newSelectorBalancer(r naming.Resolver, s selector) *selectorBalancer {
	return &selectorBalancer{resolver: r, selector: s, up: make(map[Address]bool), notify: make(chan []Address, 1)}
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
		i := slices.Index(b.addrs, addr)
		switch {
		case u.Op == naming.Add && i < 0:
			b.addrs = append(b.addrs, addr)
		case u.Op == naming.Delete && i >= 0:
			b.addrs = slices.Delete(b.addrs, i, i+1)
		}
	}
	b.selector.update(b.connected())
	select {
	case <-b.notify:
	default:
	}
	b.notify <- slices.Clone(b.addrs)
	return nil
}

func (b *selectorBalancer) connected() []Address {
	return slices.DeleteFunc(slices.Clone(b.addrs), func(a Address) bool { return !b.up[a] })
}

func (b *selectorBalancer) setUp(addr Address, up bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.up[addr] = up
	b.selector.update(b.connected())
}

func (b *selectorBalancer) Up(addr Address) func(error) {
	b.setUp(addr, true)
	return func(error) { b.setUp(addr, false) }
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

// ketama is a consistent hash over a key from the context.
type ketama struct {
	ring  []uint32
	addrs map[uint32]Address
}

type ketamaKey struct{}

func (k *ketama) update(connected []Address) {
	k.ring, k.addrs = nil, make(map[uint32]Address)
	for _, a := range connected {
		for i := range 100 {
			h := hash(a.Addr + "#" + strconv.Itoa(i))
			k.ring = append(k.ring, h)
			k.addrs[h] = a
		}
	}
	slices.Sort(k.ring)
}

func (k *ketama) choose(ctx context.Context) (Address, func()) {
	key, _ := ctx.Value(ketamaKey{}).(string)
	i, _ := slices.BinarySearch(k.ring, hash(key))
	return k.addrs[k.ring[i%len(k.ring)]], nil
}

func hash(s string) uint32 {
	sum := md5.Sum([]byte(s))
	return binary.BigEndian.Uint32(sum[:])
}

// turns are taken by the addresses in a list.
type turns struct {
	list []Address
	next int
}

func (t *turns) choose(context.Context) (Address, func()) {
	t.next = (t.next + 1) % len(t.list)
	return t.list[t.next], nil
}

// weighted takes turns as often as the weight in an address's Metadata says.
type weighted struct{ turns }

type instance struct{ weight int }

func (w *weighted) update(connected []Address) {
	w.list = nil
	for _, a := range connected {
		for range a.Metadata.(*instance).weight {
			w.list = append(w.list, a)
		}
	}
}

// preferLocal takes turns within its zone, and outside it if nobody is in it.
type preferLocal struct {
	turns
	zone string
}

func (p *preferLocal) update(connected []Address) {
	p.list = slices.DeleteFunc(slices.Clone(connected), func(a Address) bool { return a.Metadata != p.zone })
	if len(p.list) == 0 {
		p.list = connected
	}
}

type random struct{ connected []Address }

func (r *random) update(connected []Address) { r.connected = connected }

func (r *random) choose(context.Context) (Address, func()) {
	return r.connected[rand.IntN(len(r.connected))], nil
}

// leastLoaded counts the RPCs under way, which put says are over.
type leastLoaded struct {
	connected []Address
	load      map[Address]int
}

func (l *leastLoaded) update(connected []Address) {
	l.connected = connected
	if l.load == nil {
		l.load = make(map[Address]int)
	}
}

func (l *leastLoaded) choose(context.Context) (Address, func()) {
	best := l.connected[0]
	for _, a := range l.connected[1:] {
		if l.load[a] < l.load[best] {
			best = a
		}
	}
	l.load[best]++
	return best, func() { l.load[best]-- }
}
