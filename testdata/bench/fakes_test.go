package bench

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// policyOnFakes is a registered LB policy whose SubConns are connected as soon as
// they are asked to, without a connection.
type policyOnFakes struct {
	balancer.Builder
	pickers chan balancer.Picker // the newest
}

// putOnFakes registers policyOnFakes in place of the policy of that name.
func putOnFakes(policy string) *policyOnFakes {
	p := &policyOnFakes{Builder: balancer.Get(policy), pickers: make(chan balancer.Picker, 1)}
	balancer.Register(p)
	return p
}

func (p *policyOnFakes) restore() { balancer.Register(p.Builder) }

// await returns the first picker that has chosen each of n connections.
func (p *policyOnFakes) await(b *testing.B, n int) balancer.Picker {
	b.Helper()
	timeout := time.After(time.Minute)
	for {
		select {
		case picker := <-p.pickers:
			seen := make(map[balancer.SubConn]bool)
			for range n {
				r, err := picker.Pick(balancer.PickInfo{Ctx: context.Background()})
				if err != nil {
					break
				}
				seen[r.SubConn] = true
			}
			if len(seen) == n {
				return picker
			}
		case <-timeout:
			b.Fatalf("%d addresses are not all picked after a minute", n)
		}
	}
}

func (p *policyOnFakes) Build(cc balancer.ClientConn, opts balancer.BuildOptions) balancer.Balancer {
	f := &fakeConns{ClientConn: cc, policy: p, events: make(chan func(), 1<<16)}
	f.Balancer = p.Builder.Build(f, opts)
	go func() {
		for event := range f.events {
			f.mu.Lock()
			if !f.closed {
				event()
			}
			f.mu.Unlock()
		}
	}()
	return f
}

// fakeConns stands between a policy and its ClientConn, on both sides. As grpc
// does, it calls the policy from one goroutine at a time.
type fakeConns struct {
	balancer.ClientConn
	balancer.Balancer
	policy *policyOnFakes
	events chan func()

	mu     sync.Mutex // held while the policy is called
	closed bool
}

func (f *fakeConns) UpdateClientConnState(s balancer.ClientConnState) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.Balancer.UpdateClientConnState(s)
}

func (f *fakeConns) ResolverError(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Balancer.ResolverError(err)
}

func (f *fakeConns) ExitIdle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.Balancer.ExitIdle()
}

func (f *fakeConns) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	f.Balancer.Close()
	close(f.events)
}

func (f *fakeConns) NewSubConn(_ []resolver.Address, opts balancer.NewSubConnOptions) (balancer.SubConn, error) {
	return &fakeConn{conns: f, listener: opts.StateListener}, nil
}

// UpdateState keeps the picker from grpc, which has no RPC to pick for.
func (f *fakeConns) UpdateState(s balancer.State) {
	select {
	case <-f.policy.pickers:
	default:
	}
	f.policy.pickers <- s.Picker
}

type fakeConn struct {
	balancer.SubConn
	conns    *fakeConns
	listener func(balancer.SubConnState)
}

func (c *fakeConn) Connect() {
	c.conns.events <- func() {
		c.listener(balancer.SubConnState{ConnectivityState: connectivity.Connecting})
		c.listener(balancer.SubConnState{ConnectivityState: connectivity.Ready})
	}
}

func (c *fakeConn) Shutdown() {}

func (c *fakeConn) RegisterHealthListener(listener func(balancer.SubConnState)) {
	c.conns.events <- func() { listener(balancer.SubConnState{ConnectivityState: connectivity.Ready}) }
}
