package adapter

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

const shortIdle = 50 * time.Millisecond

func waitIdle(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "the channel is idle", func() bool { return conn.GetState() == connectivity.Idle })
}

// Contract: "Channel idle for 30 minutes: on wake the addresses are there again",
// also while the name system is down.
func TestIdleWakesThoughResolveFails(t *testing.T) {
	b := startBackends(t, 1)
	good := &scriptResolver{}
	var down atomic.Bool
	conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if down.Load() {
			return nil, errors.New("etcd: no leader")
		}
		return good.Resolve(target)
	}})), grpc.WithIdleTimeout(shortIdle))
	w := good.watcher(t, 0)
	w.send(t, add(b[0].Addr())...)
	call(t, conn, grpc.WaitForReady(true))
	down.Store(true)
	for range 2 {
		waitIdle(t, conn)
		eventually(t, "the watcher is closed", func() bool { return w.closeCount() == 1 })
		call(t, conn)
	}
}

// onceBalancer is a ketama whose Start and Close are guarded by a sync.Once.
type onceBalancer struct {
	*selectorBalancer
	start, close sync.Once
}

func (b *onceBalancer) Start(target string, config BalancerConfig) (err error) {
	b.start.Do(func() { err = b.selectorBalancer.Start(target, config) })
	return err
}

func (b *onceBalancer) Close() (err error) {
	b.close.Do(func() { err = b.selectorBalancer.Close() })
	return err
}

// The same row: "or the RPC error names grpc.WithIdleTimeout(0)", for each way
// in which a custom Balancer may be unable to start twice.
func TestContractIdleCustomBalancer(t *testing.T) {
	type made struct {
		Balancer
		spoil func() // is called while the ClientConn is idle
	}
	script := func(spoil func(*scriptBalancer)) func(addr string) made {
		return func(addr string) made {
			b := &scriptBalancer{notify: (&staticBalancer{addrs: []Address{{Addr: addr}}}).Notify}
			return made{b, func() { spoil(b) }}
		}
	}
	shape := func(wrap func(*selectorBalancer) Balancer) func(addr string) made {
		return func(addr string) made {
			return made{wrap(newSelectorBalancer(fixedResolver{addr}, &ketama{})), func() {}}
		}
	}
	for name, balancer := range map[string]func(addr string) made{
		"Start fails": script(func(s *scriptBalancer) {
			s.start = func(string, BalancerConfig) error { return errors.New("already started") }
		}),
		"Start panics": script(func(s *scriptBalancer) {
			s.start = func(string, BalancerConfig) error { panic("close of closed channel") }
		}),
		"Notify is closed": script(func(s *scriptBalancer) { s.notify = closedList }),
		"Notify is silent": script(func(s *scriptBalancer) { s.notify = func() <-chan []Address { return make(chan []Address) } }),
		"Get says closing": script(func(s *scriptBalancer) {
			s.get = func() (Address, func(), error) { return Address{}, nil, grpc.ErrClientConnClosing }
		}),
		"Start says closing":     shape(func(b *selectorBalancer) Balancer { return b }),
		"sync.Once":              shape(func(b *selectorBalancer) Balancer { return &onceBalancer{selectorBalancer: b} }),
		"the same, in a wrapper": shape(func(b *selectorBalancer) Balancer { return &told{Balancer: newHealthFilter(b)} }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // one of them takes wakeTime
			m := balancer(startBackends(t, 1)[0].Addr())
			conn := dial(t, "svc", WithBalancer(m.Balancer), grpc.WithIdleTimeout(shortIdle))
			call(t, conn, grpc.WaitForReady(true))
			waitIdle(t, conn)
			m.spoil()
			_, err := backend.Call(testContext(t), conn)
			if err == nil || !strings.Contains(err.Error(), "grpc.WithIdleTimeout(0)") {
				t.Errorf("RPC after idleness: %v, want an error that names grpc.WithIdleTimeout(0)", err)
			}
		})
	}
}

// closedList is a Notify whose channel is closed without a list.
func closedList() <-chan []Address {
	lists := make(chan []Address)
	close(lists)
	return lists
}

// staticBalancer has its addresses from the beginning, makes a channel for each
// Notify, does without down and put, and has nothing to close.
type staticBalancer struct {
	addrs    []Address
	notifies atomic.Int32
	mu       sync.Mutex
	next     int
}

func (b *staticBalancer) Start(string, BalancerConfig) error { return nil }
func (b *staticBalancer) Up(Address) func(error)             { return nil }
func (b *staticBalancer) Close() error                       { return nil }

func (b *staticBalancer) Notify() <-chan []Address {
	b.notifies.Add(1)
	ch := make(chan []Address, 1)
	ch <- b.addrs
	return ch
}

func (b *staticBalancer) Get(context.Context, BalancerGetOptions) (Address, func(), error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.next = (b.next + 1) % len(b.addrs)
	return b.addrs[b.next], nil, nil
}

// Contract: "Notify makes a channel per call, Up returns nil, put is nil: works:
// Notify is called once per Start".
func TestContractSparseBalancer(t *testing.T) {
	b := startBackends(t, 1)
	balancer := &staticBalancer{addrs: []Address{{Addr: b[0].Addr()}}}
	log := logged.Mark()
	conn := dial(t, "svc", WithBalancer(balancer), grpc.WithIdleTimeout(shortIdle))
	for i := range int32(3) {
		call(t, conn, grpc.WaitForReady(true))
		if n := balancer.notifies.Load(); n != i+1 {
			t.Errorf("Notify was called %d times in %d lives, want once in each", n, i+1)
		}
		waitIdle(t, conn)
	}
	if strings.Contains(log(), "panicked") {
		t.Errorf("a nil was called: %s", log())
	}
}

// Wrappers of a RoundRobin can start again, and wake with their addresses.
func TestShapeIdleWrappers(t *testing.T) {
	for name, wrap := range map[string]func(Balancer) Balancer{
		"health filter": func(b Balancer) Balancer { return newHealthFilter(b) },
		"embedding":     func(b Balancer) Balancer { return &told{Balancer: b} },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 2)
			rr := RoundRobin(fixedResolver(addrsOf(b...)))
			conn := dial(t, "svc", WithBalancer(wrap(rr)), grpc.WithIdleTimeout(shortIdle))
			for range 3 {
				callAll(t, conn, b...)
				waitIdle(t, conn)
			}
		})
	}
}

// againBalancer can start again because its Close does no more than it must.
// What is connected it knows from Up and down alone.
type againBalancer struct{ *selectorBalancer }

func (b againBalancer) Close() error {
	b.watcher.Close()
	return nil
}

// A backend that went while the ClientConn was idle is down for such a balancer
// too, which chooses among those that are up.
func TestShapeIdleBalancerHearsDown(t *testing.T) {
	b := startBackends(t, 2)
	r := fixedResolver(addrsOf(b...))
	conn := dial(t, "svc", WithBalancer(againBalancer{newSelectorBalancer(r, &random{})}), grpc.WithIdleTimeout(shortIdle))
	call(t, conn, grpc.WaitForReady(true)) // an RPC that fails keeps grpc-go v1.63 from going idle
	callAll(t, conn, b...)
	waitIdle(t, conn)
	b[0].Stop()
	conn.Connect()
	eventually(t, "the other one is connected", func() bool { return conn.GetState() == connectivity.Ready })
	for range 20 {
		call(t, conn)
	}
}
