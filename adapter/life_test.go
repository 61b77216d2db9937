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

// stoppedWhenAsked is a context that asks for its watch's end as soon as it has said
// that it is not the end yet.
type stoppedWhenAsked struct {
	context.Context
	stop func()
}

func (c *stoppedWhenAsked) Err() error {
	err := c.Context.Err()
	if stop := c.stop; stop != nil {
		c.stop = nil
		stop()
	}
	return err
}

// A watch that is stopped between two calls of Next has no watcher any more, and
// has not lost one: there is nothing to log, and none to be resolved again.
func TestStopBetweenTwoNexts(t *testing.T) {
	w := newWatch(newFlood(1), "svc", new(nextCalls))
	w.fold = func([]*naming.Update, bool) bool { return true }
	w.failed = func(error) {}
	if err := w.resolve(); err != nil {
		t.Fatal(err)
	}
	w.ctx = &stoppedWhenAsked{w.ctx, w.stop}
	w.run(nil, false)
	w.retry.RandomizationFactor = 0
	if delay := w.retry.NextBackOff(); delay != firstRetry {
		t.Errorf("the next delay is %v, want the first, %v", delay, firstRetry)
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

// What RoundRobin knew in one life, by hand: nothing of it spoils the next.
func TestRoundRobinLivesByHand(t *testing.T) {
	fail := errors.New("no such cluster")
	good := &scriptResolver{}
	calls := 0
	rr := RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if calls++; calls == 1 {
			return nil, fail
		}
		return good.Resolve(target)
	}})
	if err := rr.Start("one", BalancerConfig{}); !errors.Is(err, fail) {
		t.Fatalf("Start: %v, want %v", err, fail)
	}
	if rr.Notify() != nil {
		t.Error("Notify after a Start that failed returns a channel")
	}
	if err := rr.Close(); err != nil {
		t.Errorf("Close after a Start that failed: %v", err)
	}
	if err := rr.Start("one", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	w := good.watcher(t, 0)
	w.send(t, add("a:1")...)
	list := receive(t, "Notify", rr.Notify())
	down := rr.Up(list[0])
	if err := rr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-rr.Notify(); ok {
		t.Error("Notify's channel is open after Close")
	}
	for _, a := range []Address{list[0], {Addr: "never up:1"}} {
		if rr.Up(a) != nil {
			t.Errorf("Up(%v) after Close returns a function", a)
		}
	}

	if err := rr.Start("two", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := rr.Get(context.Background(), BalancerGetOptions{}); status.Code(err) != codes.Unavailable {
		t.Errorf("Get knows addresses of another target: %v", err)
	}
	good.watcher(t, 1).send(t, add("a:1", "b:1")...)
	list = receive(t, "Notify", rr.Notify())
	rr.Up(list[0])
	down(nil) // of the life before
	if a, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: true}); err != nil || a.Addr != "a:1" {
		t.Errorf("Get: %v, %v", a, err)
	}
	rr.Close()

	// Get that waits ends with Close.
	rr.Start("three", BalancerConfig{})
	done := make(chan error, 1)
	go func() {
		_, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: true})
		done <- err
	}()
	rr.Close()
	if err := receive(t, "Get", done); err != grpc.ErrClientConnClosing {
		t.Errorf("Get: %v", err)
	}
}

// The backoff grows though each new watcher delivers something before it fails,
// and begins anew after one that has lived for longer than it ever gets.
func TestBackoffOfShortLivedWatchers(t *testing.T) {
	for _, test := range []struct {
		life         time.Duration
		fewest, most int // calls of Resolve in ten minutes
	}{
		{0, 10, 60},
		{time.Second, 10, 60},
		{lastRetry + time.Second, 18, 20},
	} {
		t.Run(test.life.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
					calls++
					return &shortLived{life: test.life}, nil
				}})
				if err := rr.Start("svc", BalancerConfig{}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Minute)
				synctest.Wait()
				if calls < test.fewest || calls > test.most {
					t.Errorf("Resolve was called %d times in ten minutes, want %d to %d", calls, test.fewest, test.most)
				}
				rr.Close()
				time.Sleep(test.life) // of a Next that is running
			})
		})
	}
}

// shortLived is a watcher whose second Next fails, after a while.
type shortLived struct {
	life  time.Duration
	nexts int
}

func (w *shortLived) Next() ([]*naming.Update, error) {
	if w.nexts++; w.nexts == 1 {
		return add("a:1"), nil
	}
	time.Sleep(w.life)
	return nil, errors.New("over")
}
func (w *shortLived) Close() {}

// A reason is shown for as long as it is true.
func TestReasonComesAndGoes(t *testing.T) {
	watchers, r := reportingResolver()
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	w := receive(t, "the first watcher", watchers)
	shows := func(want string, is bool) {
		t.Helper()
		eventually(t, "the reason is right", func() bool {
			_, err := backend.Call(testContext(t), conn)
			return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), want) == is
		})
	}
	w.reasons <- errors.New("no leader")
	shows("no leader", true)
	w.reasons <- errors.New("permission denied")
	shows("permission denied", true)
	w.reasons <- nil
	shows("permission denied", false)
	w.fail(t, errors.New("compacted"))
	shows("compacted", true)
	w = receive(t, "the second watcher", watchers)
	w.send(t)
	shows("compacted", false)
	w.send(t, add("127.0.0.1:1")...)
	w.reasons <- errors.New("no leader") // while something is known
	w.send(t, del("127.0.0.1:1")...)
	eventually(t, "the RPC says that there is no address", func() bool {
		_, err := backend.Call(testContext(t), conn)
		return strings.HasSuffix(err.Error(), "there is no address available")
	})
}

// A method of the watcher's that is called besides Next may panic too.
func TestOnErrorThatPanics(t *testing.T) {
	var panicking []*scriptWatcher
	good := &scriptResolver{}
	b := startBackends(t, 1)
	conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if len(panicking) < 2 {
			w := newScriptWatcher()
			panicking = append(panicking, w)
			return panickingReporter{w}, nil
		}
		return good.Resolve(target)
	}})))
	if _, err := backend.Call(testContext(t), conn); !strings.Contains(err.Error(), "OnError panicked") {
		t.Errorf("RPC: %v", err)
	}
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	callAll(t, conn, b...)
	for i, w := range panicking {
		if n := w.closeCount(); n != 1 {
			t.Errorf("watcher %d, which panicked, was closed %d times, want once", i, n)
		}
	}
}

type panickingReporter struct{ *scriptWatcher }

func (panickingReporter) OnError(func(error)) { panic("OnError") }

// A watcher that comes after another may not know everything: see watch.run.
func TestWhatALaterWatcherReplaces(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	r.watcher(t, 0).send(t, add(addrsOf(b...)...)...)
	callAll(t, conn, b...)
	r.watcher(t, 0).fail(t, errors.New("over"))
	r.watcher(t, 1).send(t)
	r.watcher(t, 1).send(t, del(b[0].Addr())...) // a change, and not the full set
	callAll(t, conn, b[1], b[2])
	r.watcher(t, 1).fail(t, errors.New("over"))
	r.watcher(t, 2).send(t, add(b[0].Addr())...) // the full set
	callAll(t, conn, b[0])
}

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
