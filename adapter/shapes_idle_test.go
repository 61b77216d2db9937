package adapter

import (
	"context"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

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

// Balancers that cannot start twice: the RPC error says what to do.
func TestShapeIdleBalancerStartsOnce(t *testing.T) {
	for name, wrap := range map[string]func(*selectorBalancer) Balancer{
		"Start says closing": func(b *selectorBalancer) Balancer { return b },
		"sync.Once":          func(b *selectorBalancer) Balancer { return &onceBalancer{selectorBalancer: b} },
		"in a wrapper":       func(b *selectorBalancer) Balancer { return &told{Balancer: newHealthFilter(b)} },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 1)
			balancer := newSelectorBalancer(fixedResolver(addrsOf(b...)), &ketama{})
			conn := dial(t, "svc", WithBalancer(wrap(balancer)), grpc.WithIdleTimeout(shortIdle))
			call(t, conn, grpc.WaitForReady(true))
			waitIdle(t, conn)
			_, err := backend.Call(testContext(t), conn)
			if err == nil || !strings.Contains(err.Error(), "grpc.WithIdleTimeout(0)") {
				t.Errorf("RPC after idleness: %v, want an error that names grpc.WithIdleTimeout(0)", err)
			}
		})
	}
}

// staticBalancer has its addresses from the beginning, makes a channel for each
// Notify, does without down and put, and has nothing to close.
type staticBalancer struct {
	addrs []Address
	mu    sync.Mutex
	next  int
}

func (b *staticBalancer) Start(string, BalancerConfig) error { return nil }
func (b *staticBalancer) Up(Address) func(error)             { return nil }
func (b *staticBalancer) Close() error                       { return nil }

func (b *staticBalancer) Notify() <-chan []Address {
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

// Those that can wake with their addresses.
func TestShapeIdleBalancerStartsAgain(t *testing.T) {
	for name, make := range map[string]func(addrs []string) Balancer{
		"static": func(addrs []string) Balancer {
			b := &staticBalancer{}
			for _, a := range addrs {
				b.addrs = append(b.addrs, Address{Addr: a})
			}
			return b
		},
		"health filter over RoundRobin": func(addrs []string) Balancer { return newHealthFilter(RoundRobin(fixedResolver(addrs))) },
		"embedding of RoundRobin":       func(addrs []string) Balancer { return &told{Balancer: RoundRobin(fixedResolver(addrs))} },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 2)
			conn := dial(t, "svc", WithBalancer(make(addrsOf(b...))), grpc.WithIdleTimeout(shortIdle))
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
