package adapter

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// healthFilter hides addresses that fail a health check from gRPC, and leaves
// everything else to the balancer that it wraps.
type healthFilter struct {
	Balancer

	mu     sync.Mutex
	sick   map[string]bool
	all    []Address
	notify chan []Address // nil when closed
}

func newHealthFilter(b Balancer) *healthFilter {
	return &healthFilter{Balancer: b, sick: make(map[string]bool)}
}

func (f *healthFilter) Start(target string, config BalancerConfig) error {
	if err := f.Balancer.Start(target, config); err != nil {
		return err
	}
	f.mu.Lock()
	f.notify = make(chan []Address, 1)
	f.mu.Unlock()
	lists := f.Balancer.Notify()
	go func() {
		for list := range lists {
			f.mu.Lock()
			f.all = list
			f.publish()
			f.mu.Unlock()
		}
	}()
	return nil
}

func (f *healthFilter) publish() {
	if f.notify == nil {
		return
	}
	healthy := slices.DeleteFunc(slices.Clone(f.all), func(a Address) bool { return f.sick[a.Addr] })
	select {
	case <-f.notify:
	default:
	}
	f.notify <- healthy
}

// checked is the outcome of a health check.
func (f *healthFilter) checked(addr string, healthy bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sick[addr] = !healthy
	f.publish()
}

func (f *healthFilter) Notify() <-chan []Address {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.notify
}

func (f *healthFilter) Close() error {
	err := f.Balancer.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.notify)
	f.notify = nil
	return err
}

func TestShapeHealthFilter(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	f := newHealthFilter(RoundRobin(r))
	conn := dial(t, "svc", WithBalancer(f))
	w := r.watcher(t, 0)
	w.send(t, add(addrsOf(b[:2]...)...)...)
	callAll(t, conn, b[:2]...)
	f.checked(b[1].Addr(), false)
	callAll(t, conn, b[0])
	w.send(t, add(b[2].Addr())...)
	callAll(t, conn, b[0], b[2])
	f.checked(b[1].Addr(), true)
	callAll(t, conn, b...)
	w.send(t, del(b[1].Addr())...)
	callAll(t, conn, b[0], b[2])
	for _, a := range addrsOf(b...) {
		f.checked(a, false)
	}
	untilWaiting(t, conn) // RoundRobin still names them, and knows no better
	done := make(chan error, 1)
	ctx := testContext(t)
	go func() {
		_, err := backend.Call(ctx, conn)
		done <- err
	}()
	f.checked(b[2].Addr(), true)
	if err := receive(t, "the RPC", done); err != nil {
		t.Errorf("RPC: %v", err)
	}
	callAll(t, conn, b[2])
}

// A program that has no ClientConn, and uses RoundRobin to find servers for
// something else: it ranges over Notify and says itself what is up.
func TestShapeBalancerWithoutClientConn(t *testing.T) {
	r := &scriptResolver{}
	rr := RoundRobin(r)
	if err := rr.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	var lists sync.WaitGroup
	lists.Go(func() {
		downs := make(map[Address]func(error))
		for list := range rr.Notify() { // until Close
			for _, a := range list {
				if down := rr.Up(a); down != nil {
					downs[a] = down
				}
			}
			for a, down := range downs {
				if !slices.Contains(list, a) {
					down(fmt.Errorf("%s is gone", a.Addr))
					delete(downs, a)
				}
			}
		}
	})
	reach := func(want ...string) {
		t.Helper()
		eventually(t, fmt.Sprint("Get returns each of ", want), func() bool {
			seen := make(map[string]bool)
			for range 2 * len(want) {
				a, _, err := rr.Get(testContext(t), BalancerGetOptions{BlockingWait: true})
				if err != nil {
					t.Fatal(err)
				}
				seen[a.Addr] = true
			}
			for _, a := range want {
				if !seen[a] {
					return false
				}
			}
			return len(seen) == len(want)
		})
	}
	w := r.watcher(t, 0)
	w.send(t, add("a:1", "b:1")...)
	reach("a:1", "b:1")
	w.send(t, append(del("a:1"), add("c:1")...)...)
	reach("b:1", "c:1")
	if err := rr.Close(); err != nil {
		t.Error(err)
	}
	lists.Wait()
}

// A program that dials without WithBlock, and asks the balancer until there is
// an address to send RPCs to.
func TestShapeReadyByPollingGet(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	rr := RoundRobin(r)
	conn := dial(t, "svc", WithBalancer(rr))
	ready := func() bool {
		_, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: false})
		return err == nil
	}
	if ready() {
		t.Error("Get returns an address before there is one")
	}
	w := r.watcher(t, 0)
	w.send(t)
	if ready() {
		t.Error("Get returns an address though there is none")
	}
	w.send(t, add(addrsOf(b...)...)...)
	eventually(t, "Get returns an address", ready)
	call(t, conn)
	callAll(t, conn, b...)
}
