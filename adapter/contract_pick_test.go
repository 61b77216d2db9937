package adapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// Contract: "Fail-fast RPC, no address / all down: Unavailable".
func TestContractFailFast(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	w := r.watcher(t, 0)
	w.send(t, add(addrsOf(b...)...)...)
	callAll(t, conn, b...)

	b[0].Stop()
	b[1].Stop()
	eventually(t, "RPCs fail because all are down", func() bool {
		_, err := backend.Call(testContext(t), conn)
		if err == nil {
			t.Fatal("a stopped backend answered")
		}
		if c := status.Code(err); c != codes.Unavailable {
			t.Fatalf("RPC: %v, want Unavailable", err)
		}
		return strings.Contains(err.Error(), "no connection to") && strings.Contains(err.Error(), "refused")
	})
	w.send(t, del(addrsOf(b...)...)...)
	eventually(t, "RPCs fail because there is no address", func() bool {
		_, err := backend.Call(testContext(t), conn)
		if c := status.Code(err); c != codes.Unavailable {
			t.Fatalf("RPC: %v, want Unavailable", err)
		}
		return strings.Contains(err.Error(), "there is no address available")
	})
}

// Contract: "Wait-for-ready RPC, no address: waits".
func TestContractWaitForReady(t *testing.T) {
	b := startBackends(t, 1)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	w := r.watcher(t, 0)
	w.send(t)
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := backend.Call(ctx, conn, grpc.WaitForReady(true)); status.Code(err) != codes.DeadlineExceeded {
		t.Fatalf("RPC: %v, want DeadlineExceeded", err)
	}
	done := make(chan error, 1)
	ctx = testContext(t)
	go func() {
		_, err := backend.Call(ctx, conn, grpc.WaitForReady(true))
		done <- err
	}()
	w.send(t, add(b[0].Addr())...)
	if err := receive(t, "the RPC", done); err != nil {
		t.Fatalf("RPC: %v", err)
	}
}

// A v1 balancer may become willing without telling grpc, where Get would have
// blocked until then: RPCs that wait are tried again.
func TestWaitingRPCAsksAgain(t *testing.T) {
	b := startBackends(t, 1)
	for name, refuse := range map[string]func() (Address, func(), error){
		"Unavailable":     func() (Address, func(), error) { return Address{}, nil, status.Error(codes.Unavailable, "warming up") },
		"unknown address": func() (Address, func(), error) { return Address{Addr: "127.0.0.1:1"}, nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			balancer := &scriptBalancer{}
			balancer.get = func() (Address, func(), error) {
				if asked.Add(1) < 4 {
					return refuse()
				}
				return Address{Addr: b[0].Addr()}, nil, nil
			}
			conn := dial(t, b[0].Addr(), WithBalancer(balancer))
			eventually(t, "the backend is connected", func() bool { return conn.GetState() == connectivity.Ready })
			if got := call(t, conn, grpc.WaitForReady(true)); got != b[0].Addr() {
				t.Errorf("answered by %s", got)
			}
			if asked.Load() < 4 {
				t.Errorf("Get was called %d times", asked.Load())
			}
		})
	}
}

// Contract: "Get returns an unknown address: RPC retries", a fail-fast one too.
func TestContractGetUnknownAddress(t *testing.T) {
	b := startBackends(t, 1)
	var asked atomic.Int32
	balancer := &scriptBalancer{}
	balancer.get = func() (Address, func(), error) {
		if asked.Add(1) == 1 {
			return Address{Addr: b[0].Addr(), Metadata: "just removed"}, nil, nil
		}
		return Address{Addr: b[0].Addr()}, nil, nil
	}
	conn := dial(t, b[0].Addr(), WithBalancer(balancer))
	if got := call(t, conn); got != b[0].Addr() {
		t.Errorf("answered by %s", got)
	}
}

// What Get's errors make of an RPC, see balancer_v1_wrapper.go of v1.29.1.
func TestGetErrors(t *testing.T) {
	b := startBackends(t, 1)
	tests := map[string]struct {
		err          error
		failFast     codes.Code
		waitForReady codes.Code // OK: waits
	}{
		"Unavailable":       {status.Error(codes.Unavailable, "none"), codes.Unavailable, codes.OK},
		"ResourceExhausted": {status.Error(codes.ResourceExhausted, "none"), codes.ResourceExhausted, codes.ResourceExhausted},
		"no status":         {errors.New("none"), codes.Unknown, codes.Unknown},
		"context":           {context.DeadlineExceeded, codes.DeadlineExceeded, codes.DeadlineExceeded},
		"wrapped context":   {fmt.Errorf("asking the control plane: %w", context.Canceled), codes.Canceled, codes.Canceled},
		"closing":           {grpc.ErrClientConnClosing, codes.Canceled, codes.Canceled},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var willing atomic.Bool
			balancer := &scriptBalancer{get: func() (Address, func(), error) {
				if willing.Load() {
					return Address{Addr: b[0].Addr()}, nil, nil
				}
				return Address{}, nil, test.err
			}}
			conn := dial(t, b[0].Addr(), WithBalancer(balancer))
			_, err := backend.Call(testContext(t), conn)
			if status.Code(err) != test.failFast || !strings.Contains(err.Error(), status.Convert(test.err).Message()) {
				t.Errorf("fail-fast RPC: %v, want %v with %q", err, test.failFast, test.err)
			}
			done := make(chan error, 1)
			ctx := testContext(t)
			go func() {
				_, err := backend.Call(ctx, conn, grpc.WaitForReady(true))
				done <- err
			}()
			if test.waitForReady == codes.OK {
				select {
				case err := <-done:
					t.Fatalf("the RPC did not wait: %v", err)
				case <-time.After(30 * time.Millisecond): // a failure may need longer to show
				}
				willing.Store(true)
			}
			if err := receive(t, "the RPC", done); status.Code(err) != test.waitForReady {
				t.Errorf("waiting RPC: %v, want %v", err, test.waitForReady)
			}
		})
	}
}

// Contract: "Notify makes a new channel per call, Up returns nil, put is nil:
// works: Notify is called once per Start".
func TestContractSparseBalancer(t *testing.T) {
	b := startBackends(t, 1)
	balancer := &scriptBalancer{
		notify: func() <-chan []Address {
			ch := make(chan []Address, 1)
			ch <- []Address{{Addr: b[0].Addr()}}
			return ch
		},
		up:  func(Address) func(error) { return nil },
		get: func() (Address, func(), error) { return Address{Addr: b[0].Addr()}, nil, nil },
	}
	conn := dial(t, "svc", WithBalancer(balancer))
	call(t, conn, grpc.WaitForReady(true))
	notifies := 0
	for _, c := range balancer.recorded() {
		if c == "Notify" {
			notifies++
		}
	}
	if notifies != 1 {
		t.Errorf("Notify was called %d times, want once", notifies)
	}
	b[0].Stop() // leaves Ready: the nil is not called
	eventually(t, "the connection is lost", func() bool { return conn.GetState() != connectivity.Ready })
}

// Contract: "Balancer embedded in a user's type that overrides Get: works".
func TestContractEmbeddedBalancer(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(&preferring{Balancer: RoundRobin(r), addr: b[1].Addr()}))
	r.watcher(t, 0).send(t, add(addrsOf(b...)...)...)
	callAll(t, conn, b[1])
	for range 10 {
		if got := call(t, conn); got != b[1].Addr() {
			t.Fatalf("answered by %s, want %s only", got, b[1].Addr())
		}
	}
}

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

// Contract: "Balancer value used by hand (Get for readiness, Notify, no
// ClientConn): works: WithBalancer runs the very instance it was given".
func TestContractBalancerByHand(t *testing.T) {
	// Without any ClientConn.
	r := &scriptResolver{}
	rr := RoundRobin(r)
	if err := rr.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	r.watcher(t, 0).send(t, add("a:1", "b:1")...)
	list := receive(t, "Notify", rr.Notify())
	if len(list) != 2 || list[0].Addr != "a:1" || list[1].Addr != "b:1" {
		t.Fatalf("Notify: %v", list)
	}
	down := rr.Up(list[1])
	if rr.Up(list[1]) != nil {
		t.Error("a second Up of an address that is up returns a function")
	}
	for range 3 {
		if a, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: true}); err != nil || a.Addr != "b:1" {
			t.Fatalf("Get: %v, %v, want the one that is up", a, err)
		}
	}
	down(nil)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, _, err := rr.Get(ctx, BalancerGetOptions{BlockingWait: true}); err != context.Canceled {
			t.Errorf("Get that waits: %v, want %v", err, context.Canceled)
		}
	})
	cancel()
	wg.Wait()
	wg.Go(func() {
		if a, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: true}); err != nil || a.Addr != "a:1" {
			t.Errorf("Get that waits: %v, %v", a, err)
		}
	})
	rr.Up(list[0])
	wg.Wait()
	if err := rr.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := rr.Close(); err == nil {
		t.Error("the second Close returns no error")
	}
	if _, _, err := rr.Get(context.Background(), BalancerGetOptions{}); err != grpc.ErrClientConnClosing {
		t.Errorf("Get after Close: %v", err)
	}

	// Under a ClientConn: readiness by polling Get.
	b := startBackends(t, 1)
	r = &scriptResolver{}
	rr = RoundRobin(r)
	conn := dial(t, "svc", WithBalancer(rr))
	r.watcher(t, 0).send(t, add(b[0].Addr())...)
	ctx = testContext(t)
	if a, _, err := rr.Get(ctx, BalancerGetOptions{BlockingWait: true}); err != nil || a.Addr != b[0].Addr() {
		t.Fatalf("Get by hand: %v, %v", a, err)
	}
	call(t, conn)
}

// Every put is called once, for RPCs that were sent and for picks that came to
// nothing.
func TestPutOncePerGet(t *testing.T) {
	b := startBackends(t, 1)
	var gets, puts atomic.Int32
	balancer := &scriptBalancer{}
	balancer.get = func() (Address, func(), error) {
		a := Address{Addr: b[0].Addr()}
		if gets.Add(1)%3 == 0 {
			a.Addr = "127.0.0.1:1" // unknown
		}
		var once atomic.Bool
		return a, func() {
			puts.Add(1)
			if !once.CompareAndSwap(false, true) {
				t.Error("put is called twice")
			}
		}, nil
	}
	conn := dial(t, b[0].Addr(), WithBalancer(balancer))
	for range 10 {
		call(t, conn, grpc.WaitForReady(true))
	}
	eventually(t, "every put has been called", func() bool { return puts.Load() == gets.Load() })
}

// Of an RPC that ends while nobody waits for it, grpc calls put on a goroutine of
// its own.
func TestPutThatPanics(t *testing.T) {
	b := startBackends(t, 1)
	balancer := &scriptBalancer{get: func() (Address, func(), error) {
		return Address{Addr: b[0].Addr()}, func() { panic("not mine") }, nil
	}}
	log := logged.Mark()
	conn := dial(t, b[0].Addr(), WithBalancer(balancer))
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	_, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/nobody/Nothing", grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the panic is logged", func() bool { return strings.Contains(log(), "scriptBalancer.Get's put panicked: not mine") })
}

// An address that cannot be dialled is named, and does no harm to the others.
func TestAddressWithoutPort(t *testing.T) {
	b := startBackends(t, 1)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	w := r.watcher(t, 0)
	w.send(t, add("127.0.0.1")...)
	eventually(t, "the RPC names the address", func() bool {
		_, err := backend.Call(testContext(t), conn)
		return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), `"127.0.0.1"`) && strings.Contains(err.Error(), "missing port")
	})
	w.send(t, add(b[0].Addr())...)
	callAll(t, conn, b[0])
}
