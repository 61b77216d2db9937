package adapter

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

const shortIdle = 50 * time.Millisecond

func waitIdle(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "the channel is idle", func() bool { return conn.GetState() == connectivity.Idle })
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

// Contract: "Channel idle for 30 minutes: on wake the addresses are there again"
// (TestShapeResolver), "or the RPC error names grpc.WithIdleTimeout(0)", for each way
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

// againBalancer can start again because its Close does no more than it must.
// What is connected it knows from Up and down alone.
type againBalancer struct{ *selectorBalancer }

func (b againBalancer) Close() error {
	b.watcher.Close()
	return nil
}

// preferring overrides Get.
type preferring struct {
	Balancer
	addr string
}

func (p *preferring) Get(ctx context.Context, opts BalancerGetOptions) (Address, func(), error) {
	if _, _, err := p.Balancer.Get(ctx, opts); err != nil {
		return Address{}, nil, err
	}
	return Address{Addr: p.addr}, nil, nil
}

// Contract: "Balancer embedded in a type that overrides Get: works", and "Notify makes
// a channel per call, Up returns nil, put is nil: works: Notify is called once per
// Start", in each life: these can start again, and wake with their addresses.
func TestContractCustomBalancers(t *testing.T) {
	b := startBackends(t, 2)
	r, all := fixedResolver(addrsOf(b...)), b
	static := &staticBalancer{addrs: []Address{{Addr: r[0]}, {Addr: r[1]}}}
	for name, test := range map[string]struct {
		balancer Balancer
		want     []*backend.Backend
	}{
		"overrides nothing else": {&told{Balancer: RoundRobin(r)}, all},
		"overrides Get":          {&preferring{Balancer: RoundRobin(r), addr: r[1]}, b[1:]},
		"overrides all but Get":  {newHealthFilter(RoundRobin(r)), all},
		"Close does no more":     {againBalancer{newSelectorBalancer(r, &random{})}, all},
		"new channels, and nil":  {static, all},
	} {
		t.Run(name, func(t *testing.T) {
			log := logged.Mark()
			conn := dial(t, "svc", WithBalancer(test.balancer), grpc.WithIdleTimeout(shortIdle))
			for range 3 {
				call(t, conn, grpc.WaitForReady(true)) // an RPC that fails keeps grpc-go v1.63 from going idle
				callAll(t, conn, test.want...)
				waitIdle(t, conn)
			}
			if text := log(); strings.Contains(text, "panicked") {
				t.Errorf("a nil was called: %s", text)
			}
		})
	}
	if n := static.notifies.Load(); n != 3 {
		t.Errorf("Notify was called %d times in 3 lives, want once in each", n)
	}
}
