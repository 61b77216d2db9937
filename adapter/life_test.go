package adapter

// What happens between the lives of a balancer: Start that is slow or fails,
// Close that is slow, Start again.

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// A Balancer is closed though its Start failed, once, as in v1.29.1.
func TestCloseAfterFailedStart(t *testing.T) {
	balancer := &scriptBalancer{start: func(string, BalancerConfig) error { return errors.New("no") }}
	conn := dial(t, "svc", WithBalancer(balancer))
	conn.Close()
	calls := balancer.recorded()
	if calls[len(calls)-1] != "Close" || strings.Count(strings.Join(calls, " "), "Close") != 1 {
		t.Errorf("calls %q, want one Close, at the end", calls)
	}
}

// Close while Start runs: conn.Close does not wait for it for ever, and the
// Balancer is closed when it has started.
func TestCloseWhileStarting(t *testing.T) {
	release := make(chan struct{})
	starting := make(chan struct{}, 2)
	balancer := &scriptBalancer{}
	var starts atomic.Int32
	balancer.start = func(string, BalancerConfig) error {
		if starts.Add(1) == 1 {
			return errors.New("once more") // so that the next Start is not within Dial
		}
		starting <- struct{}{}
		<-release
		return nil
	}
	conn := dial(t, "svc", WithBalancer(balancer))
	receive(t, "the second Start", starting)
	conn.Close()
	if slices.Contains(balancer.recorded(), "Close") {
		t.Error("Close is called while Start runs")
	}
	close(release)
	eventually(t, "the balancer is closed", func() bool { return slices.Contains(balancer.recorded(), "Close") })
	if slices.Contains(balancer.recorded(), "Notify") {
		t.Error("Notify is called after Close")
	}
}

// After idleness it is an RPC that waits for Start, and it has a deadline.
func TestSlowStartOnWake(t *testing.T) {
	b := startBackends(t, 1)
	release := make(chan struct{})
	var starts atomic.Int32
	balancer := &scriptBalancer{
		start: func(string, BalancerConfig) error {
			if starts.Add(1) == 2 {
				<-release
			}
			return nil
		},
		get: func() (Address, func(), error) { return Address{Addr: b[0].Addr()}, nil, nil },
	}
	conn := dial(t, b[0].Addr(), WithBalancer(balancer), grpc.WithIdleTimeout(shortIdle))
	call(t, conn, grpc.WaitForReady(true))
	waitIdle(t, conn)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := backend.Call(ctx, conn); status.Code(err) != codes.DeadlineExceeded || time.Since(began) > startTime/2 {
		t.Errorf("RPC: %v after %v, want DeadlineExceeded at its deadline", err, time.Since(began))
	}
	close(release)
	call(t, conn, grpc.WaitForReady(true))
}

// A life does not begin before the one before it has ended.
func TestStartWaitsForClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newMemNet()
		server := grpc.NewServer()
		go server.Serve(network)
		defer server.Stop()
		release := make(chan struct{})
		balancer := &scriptBalancer{close: func() error { <-release; return nil }}
		starts := func() int { return strings.Count(strings.Join(balancer.recorded(), " "), "Start") }
		conn := dial(t, "svc", WithBalancer(balancer), grpc.WithIdleTimeout(shortIdle), grpc.WithContextDialer(network.dial))
		defer conn.Close()
		time.Sleep(10*shortIdle + closeTime) // grpc has waited for Close long enough
		if s := conn.GetState(); s != connectivity.Idle || !slices.Contains(balancer.recorded(), "Close") {
			t.Fatalf("the channel is %v, calls %q", s, balancer.recorded())
		}
		conn.Connect()
		synctest.Wait()
		if n := starts(); n != 1 {
			t.Errorf("Start was called %d times before Close returned", n)
		}
		close(release)
		synctest.Wait()
		if n := starts(); n != 2 {
			t.Errorf("Start was called %d times, want again after Close", n)
		}
	})
}

// A ClientConn whose Start failed does not close the RoundRobin that another one
// has started meanwhile.
func TestFailedStartClosesNobodyElse(t *testing.T) {
	b := startBackends(t, 1)
	good := &scriptResolver{}
	option := WithBalancer(RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if target == "bad" {
			return nil, errors.New("no such service")
		}
		return good.Resolve(target)
	}}))
	bad := dial(t, "bad", option)
	conn := dial(t, "good", option)
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	callAll(t, conn, b...)
	bad.Close()
	call(t, conn)
	if n := good.watcher(t, 0).closeCount(); n != 0 {
		t.Errorf("the watcher of the other ClientConn was closed %d times", n)
	}
}

// Close while a list without any of the addresses is being worked off: the
// Balancer hears of each that it is down, and is closed after that.
func TestCloseWhileGoingDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := newMemNet()
		server := grpc.NewServer()
		go server.Serve(network)
		defer server.Stop()
		var all []Address
		for i := range 20 {
			all = append(all, Address{Addr: fmt.Sprintf("a%d:1", i)})
		}
		lists := make(chan []Address, 1)
		lists <- all
		var downs, downsAtClose atomic.Int32
		release := make(chan struct{})
		balancer := &scriptBalancer{
			notify: func() <-chan []Address { return lists },
			up: func(Address) func(error) {
				return func(error) { <-release; downs.Add(1) }
			},
			close: func() error { downsAtClose.Store(downs.Load()); return nil },
		}
		conn := dial(t, "svc", WithBalancer(balancer), grpc.WithContextDialer(network.dial))
		synctest.Wait() // all are up
		lists <- nil
		synctest.Wait() // the first is going down
		closed := make(chan struct{})
		go func() { conn.Close(); close(closed) }()
		synctest.Wait() // Close waits for that
		close(release)
		<-closed
		if n := downsAtClose.Load(); n != 20 {
			t.Errorf("%d of 20 were down when the balancer was closed", n)
		}
	})
}

// A life that ends before it has begun has nothing to close.
func TestCloseBeforeStart(t *testing.T) {
	b := startBackends(t, 1)
	release := make(chan struct{})
	balancer := &scriptBalancer{
		get:   func() (Address, func(), error) { return Address{Addr: b[0].Addr()}, nil, nil },
		close: func() error { <-release; return nil },
	}
	conn := dial(t, b[0].Addr(), WithBalancer(balancer), grpc.WithIdleTimeout(shortIdle))
	call(t, conn, grpc.WaitForReady(true))
	waitIdle(t, conn)
	conn.Connect() // waits for the Close that hangs
	conn.Close()
	close(release)
	if n := strings.Count(strings.Join(balancer.recorded(), " "), "Close"); n != 1 {
		t.Errorf("Close was called %d times for one Start", n)
	}
}

// Balancer.Close that panics is contained.
func TestCloseThatPanics(t *testing.T) {
	balancer := &scriptBalancer{close: func() error { panic("close of closed channel") }}
	dial(t, "svc", WithBalancer(balancer)).Close()
	if calls := balancer.recorded(); calls[len(calls)-1] != "Close" {
		t.Errorf("calls %q", calls)
	}
}

// A Close that ends its sender, which waits for somebody to receive.
func TestCloseIsReadWhileItRuns(t *testing.T) {
	lists := make(chan []Address)
	balancer := &scriptBalancer{
		notify: func() <-chan []Address { return lists },
		close: func() error {
			lists <- nil // somebody must receive
			return nil
		},
	}
	conn := dial(t, "svc", WithBalancer(balancer))
	began := time.Now()
	conn.Close()
	if took := time.Since(began); took >= closeTime {
		t.Errorf("conn.Close took %v", took)
	}
}

func (panickingReporter) OnError(func(error)) { panic("OnError") }

// The wrapper of a RoundRobin cannot be made twice; the second ClientConn takes
// over, and the first keeps what it has, as in v1.29.1.
func TestWrappedRoundRobinUnderTwoConns(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	wrapped := struct{ Balancer }{RoundRobin(r)}
	option := WithBalancer(wrapped)
	one := dial(t, "svc", option)
	r.watcher(t, 0).send(t, add(addrsOf(b...)...)...)
	callAll(t, one, b...)
	two := dial(t, "svc", option)
	if n := r.watcher(t, 0).closeCount(); n != 1 {
		t.Errorf("the first watcher was closed %d times, want once", n)
	}
	r.watcher(t, 1).send(t, add(addrsOf(b...)...)...)
	callAll(t, one, b...)
	callAll(t, two, b...)
}

// A Balancer that knows its addresses by == hears of each pointer it names.
func TestUpForEachPointer(t *testing.T) {
	b := startBackends(t, 1)
	type zone struct{ name string }
	lists := make(chan []Address)
	ups := make(chan Address, 1)
	downs := make(chan Address, 1)
	balancer := &scriptBalancer{
		notify: func() <-chan []Address { return lists },
		up: func(a Address) func(error) {
			ups <- a
			return func(error) { downs <- a }
		},
	}
	conn := dial(t, "svc", WithBalancer(balancer))
	var last Address
	for i := range 3 {
		a := Address{Addr: b[0].Addr(), Metadata: &zone{"a"}}
		lists <- []Address{a, a} // named twice
		if i > 0 {
			if got := receive(t, "down", downs); got != last {
				t.Errorf("down of %v, want %v", got, last)
			}
		}
		if got := receive(t, "Up", ups); got != a {
			t.Errorf("Up of %v, want %v", got, a)
		}
		call(t, conn)
		last = a
	}
	conn.Close()
	if got := receive(t, "down at Close", downs); got != last {
		t.Errorf("down of %v, want %v", got, last)
	}
}

// The states that a channel shows.
func TestChannelStates(t *testing.T) {
	b := startBackends(t, 1)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	reach := func(want connectivity.State) {
		t.Helper()
		eventually(t, want.String(), func() bool { return conn.GetState() == want })
	}
	w := r.watcher(t, 0)
	w.send(t)
	reach(connectivity.TransientFailure)
	w.send(t, add(b[0].Addr())...)
	reach(connectivity.Ready)
	w.send(t, del(b[0].Addr())...)
	reach(connectivity.TransientFailure)
	w.send(t, add("127.0.0.1:1")...)
	reach(connectivity.TransientFailure)
}
