package adapter

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Contract: "conn.Close: Balancer.Close, then Watcher.Close, once each, before it
// returns; a Watcher.Close that hangs does not hang conn.Close".
func TestContractClose(t *testing.T) {
	var order []string
	done := make(chan struct{})
	r := &scriptResolver{resolve: func(string) (naming.Watcher, error) {
		return &funcWatcher{done: done, close: func() { order = append(order, "Watcher.Close"); close(done) }}, nil
	}}
	conn := dial(t, "svc", WithBalancer(&closeRecorder{Balancer: RoundRobin(r), order: &order}))
	conn.Close()
	conn.Close()
	if want := []string{"Balancer.Close", "Watcher.Close"}; !slices.Equal(order, want) {
		t.Errorf("closed %q, want %q", order, want)
	}
}

type closeRecorder struct {
	Balancer
	order *[]string
}

func (c *closeRecorder) Close() error {
	*c.order = append(*c.order, "Balancer.Close")
	return c.Balancer.Close()
}

// funcWatcher has nothing to say until it is closed.
type funcWatcher struct {
	next  func() // is called by Next, if there is one
	close func()
	done  chan struct{}
}

func (w *funcWatcher) Next() ([]*naming.Update, error) {
	if w.next != nil {
		w.next()
	}
	<-w.done
	return nil, errors.New("closed")
}

func (w *funcWatcher) Close() { w.close() }

func TestContractCloseHangs(t *testing.T) {
	for name, option := range namingOptions {
		t.Run(name, func(t *testing.T) {
			release, done := make(chan struct{}), make(chan struct{})
			watching := make(chan struct{}, 1)
			r := &scriptResolver{resolve: func(string) (naming.Watcher, error) {
				return &funcWatcher{
					next:  func() { watching <- struct{}{} },
					close: func() { <-release; close(done) },
					done:  release,
				}, nil
			}}
			conn := dial(t, "svc", option(r))
			receive(t, "a call of Next", watching) // before that there may be nothing to close, ever
			log := logged.Mark()
			closed := make(chan struct{})
			go func() {
				conn.Close()
				close(closed)
			}()
			select {
			case <-closed:
			case <-time.After(patience):
				t.Error("conn.Close hangs with Watcher.Close")
			}
			if !strings.Contains(log(), "has not returned") {
				t.Error("the log does not say what hangs")
			}
			close(release)
			<-done
		})
	}
}

// After Close the Balancer hears nothing more of the connections.
func TestNoUpOrDownAfterClose(t *testing.T) {
	for range 20 {
		b := startBackends(t, 1)
		balancer := &scriptBalancer{}
		conn := dial(t, b[0].Addr(), WithBalancer(balancer))
		go b[0].Stop()
		conn.Close()
		calls := balancer.recorded()
		if last := calls[len(calls)-1]; last != "Close" {
			t.Fatalf("calls %q: something came after Close", calls)
		}
		b[0].Stop()
		if after := balancer.recorded(); len(after) != len(calls) {
			t.Fatalf("calls %q: something came after Close", after)
		}
	}
}

// Up and down alternate, and a deleted address is told to be down.
func TestUpAndDownAlternate(t *testing.T) {
	b := startBackends(t, 1)
	lists := make(chan []Address)
	balancer := &scriptBalancer{notify: func() <-chan []Address { return lists }}
	dial(t, "svc", WithBalancer(balancer))
	a := b[0].Addr()
	lists <- []Address{{Addr: a}}
	want := []string{"Start", "Notify", "Up " + a}
	reach := func() {
		t.Helper()
		eventually(t, strings.Join(want, ", "), func() bool { return slices.Equal(balancer.recorded(), want) })
	}
	reach()
	b[0].Stop()
	want = append(want, "down "+a)
	reach()
	again, err := backend.StartOn(a)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Stop()
	want = append(want, "Up "+a)
	reach()
	lists <- nil
	want = append(want, "down "+a)
	reach()
}

// RPCs that wait end when the ClientConn is closed.
func TestCloseEndsWaitingRPC(t *testing.T) {
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	r.watcher(t, 0).send(t)
	done := make(chan error, 1)
	go func() {
		_, err := backend.Call(context.Background(), conn, grpc.WaitForReady(true))
		done <- err
	}()
	conn.Close()
	if err := receive(t, "the RPC", done); status.Code(err) != codes.Canceled {
		t.Errorf("RPC: %v, want Canceled", err)
	}
}

const shortIdle = 50 * time.Millisecond

func waitIdle(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "the channel is idle", func() bool { return conn.GetState() == connectivity.Idle })
}

// Contract: "Channel idle for 30 minutes: on wake the addresses are there again".
func TestContractIdle(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)), grpc.WithIdleTimeout(shortIdle))
	for i := range 3 {
		if i > 0 { // nobody has said anything yet in this life
			callAll(t, conn, b[(i-1)%2])
		}
		w := r.watcher(t, i)
		w.send(t, add(b[i%2].Addr())...)
		callAll(t, conn, b[i%2])
		waitIdle(t, conn)
		eventually(t, "the watcher is closed", func() bool { return w.closeCount() == 1 })
	}
}

// The same row: also while the name system is down.
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
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	call(t, conn, grpc.WaitForReady(true))
	down.Store(true)
	for range 2 {
		waitIdle(t, conn)
		call(t, conn)
	}
}

// The same row: "or the RPC error names grpc.WithIdleTimeout(0)", for each way
// in which a custom Balancer may be unable to start twice.
func TestContractIdleCustomBalancer(t *testing.T) {
	b := startBackends(t, 1)
	lists := func(closed bool) <-chan []Address {
		ch := make(chan []Address, 1)
		ch <- []Address{{Addr: b[0].Addr()}}
		if closed {
			<-ch
			close(ch)
		}
		return ch
	}
	for name, spoil := range map[string]func(*scriptBalancer){
		"Start fails": func(s *scriptBalancer) {
			s.start = func(string, BalancerConfig) error { return errors.New("already started") }
		},
		"Start panics": func(s *scriptBalancer) {
			s.start = func(string, BalancerConfig) error { panic("close of closed channel") }
		},
		"Notify is closed": func(s *scriptBalancer) { s.notify = func() <-chan []Address { return lists(true) } },
		"Notify is silent": func(s *scriptBalancer) { s.notify = func() <-chan []Address { return make(chan []Address) } },
		"Get says closing": func(s *scriptBalancer) {
			s.get = func() (Address, func(), error) { return Address{}, nil, grpc.ErrClientConnClosing }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // one of them takes wakeTime
			balancer := &scriptBalancer{notify: func() <-chan []Address { return lists(false) }}
			conn := dial(t, "svc", WithBalancer(balancer), grpc.WithIdleTimeout(shortIdle))
			call(t, conn, grpc.WaitForReady(true))
			waitIdle(t, conn)
			spoil(balancer)
			_, err := backend.Call(testContext(t), conn)
			if err == nil || !strings.Contains(err.Error(), "grpc.WithIdleTimeout(0)") {
				t.Errorf("RPC after idleness: %v, want an error that names grpc.WithIdleTimeout(0)", err)
			}
		})
	}
}
