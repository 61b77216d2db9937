package faults

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// observer is told of the sets that gRPC is given: each has to equal a state that the
// catalogue really was in, and none goes back to a state before the one that was handed
// over last. It is told of connections, too. See observedBalancer and observedBuilder.
type observer struct {
	kind kind

	mu      sync.Mutex // guards what follows
	steady  map[string]bool
	states  []addrs // that may be handed over next, the present one first
	handed  addrs
	known   bool // there is a handed
	count   int
	up      map[string]int // connections, by address
	at      time.Time      // of the last change of handed, or of up
	changed chan struct{}
	wrong   []string
}

func newObserver(k kind) *observer {
	return &observer{kind: k, changed: make(chan struct{}), steady: make(map[string]bool), up: make(map[string]int)}
}

// connected says that gRPC has connected addr, and returns how many connections to it
// there are.
func (o *observer) connected(addr string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.up[addr]++
	o.changes()
	return o.up[addr]
}

// gone says that a connection to addr has ended.
func (o *observer) gone(addr string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.up[addr]--; o.up[addr] == 0 {
		delete(o.up, addr)
	}
	o.changes()
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

// hand says that gRPC is given these addresses.
func (o *observer) hand(list []string) {
	set := make(map[string]bool)
	for _, addr := range list {
		set[addr] = true
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

// complain is called with mu held.
func (o *observer) complain(format string, args ...any) {
	if len(o.wrong) < 5 {
		o.wrong = append(o.wrong, fmt.Sprintf("%v, set %d: ", o.kind, o.count)+fmt.Sprintf(format, args...))
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
			return time.Time{}, fmt.Errorf("%v: gRPC has %v (known: %v), want %v; connected are %v, want %v: %w", o.kind, handed, known, want, up, wantUp, ctx.Err())
		}
	}
}
