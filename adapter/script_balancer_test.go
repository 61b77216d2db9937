package adapter

import (
	"context"
	"net"
	"sync"

	"github.com/grpcnaming/grpcnaming/naming"
)

// scriptBalancer is a custom v1 Balancer made of functions, and records its
// callbacks. A missing function does nothing and returns zero values; a missing
// get returns what was up last.
type scriptBalancer struct {
	start  func(target string, c BalancerConfig) error
	up     func(Address) func(error)
	get    func() (Address, func(), error)
	notify func() <-chan []Address
	close  func() error

	mu    sync.Mutex
	last  Address
	calls []string
}

func (b *scriptBalancer) record(s string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls = append(b.calls, s)
}

func (b *scriptBalancer) recorded() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.calls...)
}

func (b *scriptBalancer) Start(target string, c BalancerConfig) error {
	b.record("Start")
	if b.start != nil {
		return b.start(target, c)
	}
	return nil
}

func (b *scriptBalancer) Up(a Address) func(error) {
	b.record("Up " + a.Addr)
	b.mu.Lock()
	b.last = a
	b.mu.Unlock()
	if b.up != nil {
		return b.up(a)
	}
	return func(error) { b.record("down " + a.Addr) }
}

func (b *scriptBalancer) Get(context.Context, BalancerGetOptions) (Address, func(), error) {
	if b.get != nil {
		return b.get()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.last, nil, nil
}

func (b *scriptBalancer) Notify() <-chan []Address {
	b.record("Notify")
	if b.notify != nil {
		return b.notify()
	}
	return nil
}

func (b *scriptBalancer) Close() error {
	b.record("Close")
	if b.close != nil {
		return b.close()
	}
	return nil
}

func backendDialer(ctx context.Context, addr string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", addr)
}

// fixedResolver resolves every target to the same addresses, once.
type fixedResolver []string

func (r fixedResolver) Resolve(string) (naming.Watcher, error) { return fixed(add(r...)...), nil }

func fixed(updates ...*naming.Update) *fixedWatcher {
	w := &fixedWatcher{first: make(chan []*naming.Update, 1)}
	w.first <- updates
	return w
}

type fixedWatcher struct {
	first chan []*naming.Update
	once  sync.Once
}

func (w *fixedWatcher) Next() ([]*naming.Update, error) {
	if u, ok := <-w.first; ok {
		return u, nil
	}
	return nil, context.Canceled
}

func (w *fixedWatcher) Close() { w.once.Do(func() { close(w.first) }) }
