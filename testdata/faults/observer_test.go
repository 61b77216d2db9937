package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/adapter"
)

// observer stands between a Balancer and gRPC and looks at the sets that are
// handed over: each has to equal a state that the catalogue really was in, and
// none goes back to a state before the one that was handed over last. It sees
// from Up what gRPC makes of them.
type observer struct {
	adapter.Balancer
	closed chan struct{}
	close  sync.Once

	mu      sync.Mutex // guards what follows
	steady  map[string]bool
	states  []addrs // that may be handed over next, the present one first
	handed  addrs
	known   bool // there is a handed
	count   int
	up      map[string]bool // connected addresses
	at      time.Time       // of the last change of handed, or of up
	changed chan struct{}
	wrong   []string
}

func newObserver(b adapter.Balancer) *observer {
	return &observer{Balancer: b, closed: make(chan struct{}), changed: make(chan struct{}), steady: make(map[string]bool), up: make(map[string]bool)}
}

// Notify is what gRPC reads. The goroutine that passes on ends with Close.
func (o *observer) Notify() <-chan []adapter.Address {
	in, out := o.Balancer.Notify(), make(chan []adapter.Address)
	go func() {
		defer close(out)
		for list := range in {
			o.hand(list)
			select {
			case out <- list:
			case <-o.closed:
				return
			}
		}
	}()
	return out
}

// Up is what gRPC says of an address that it has connected.
func (o *observer) Up(a adapter.Address) func(error) {
	down := o.Balancer.Up(a)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.up[a.Addr] {
		o.complain("%s is up twice", a.Addr)
	}
	o.up[a.Addr] = true
	o.changes()
	return func(err error) {
		if down != nil {
			down(err)
		}
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.up, a.Addr)
		o.changes()
	}
}

func (o *observer) Close() error {
	err := o.Balancer.Close()
	o.close.Do(func() { close(o.closed) })
	return err
}

// possible says that the catalogue is about to be in this state.
func (o *observer) possible(set addrs) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n := len(o.states); n == 0 || o.states[n-1] != set {
		o.states = append(o.states, set)
	}
}

// ahead are the present state and those that may come.
func (o *observer) ahead() []addrs {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.states)
}

// mustHave says that an address is healthy throughout from now on, or is not.
func (o *observer) mustHave(addr string, throughout bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if throughout {
		o.steady[addr] = true
	} else {
		delete(o.steady, addr)
	}
}

func (o *observer) hand(list []adapter.Address) {
	set := make(map[string]bool)
	for _, a := range list {
		set[a.Addr] = true
	}
	now := sorted(set)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.count++
	if len(set) != len(list) {
		o.complain("an address twice: %v", list)
	}
	for addr := range o.steady {
		if !set[addr] {
			o.complain("%s is healthy and not in %v", addr, now)
		}
	}
	o.find(now)
	if o.known && now == o.handed {
		return
	}
	o.handed, o.known = now, true
	o.changes()
}

// changes is called with mu held.
func (o *observer) changes() {
	o.at = time.Now()
	close(o.changed)
	o.changed = make(chan struct{})
}

// find forgets the states that are over now.
func (o *observer) find(now addrs) {
	for i, s := range o.states {
		if s == now {
			o.states = o.states[i:]
			return
		}
	}
	o.complain("the catalogue was never so, or not since: %v", now)
}

func (o *observer) complain(format string, args ...any) {
	if len(o.wrong) < 5 {
		o.wrong = append(o.wrong, fmt.Sprintf("set %d: ", o.count)+fmt.Sprintf(format, args...))
	}
}

// complaints are what was wrong with the sets so far.
func (o *observer) complaints() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.wrong)
}

// now is the set that gRPC has; known is false before the first.
func (o *observer) now() (set addrs, known bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.handed, o.known
}

// await waits until gRPC has the set, and is connected to those that wantUp has of
// it, and returns since when.
func (o *observer) await(ctx context.Context, want, wantUp addrs) (since time.Time, err error) {
	for {
		o.mu.Lock()
		handed, known, up, at, changed := o.handed, o.known, sorted(o.up), o.at, o.changed
		o.mu.Unlock()
		if known && handed == want && up == wantUp {
			return at, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("gRPC has %v (known: %v), want %v; connected are %v, want %v: %w", handed, known, want, up, wantUp, ctx.Err())
		}
	}
}
