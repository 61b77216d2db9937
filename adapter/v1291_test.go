package adapter

// The scenarios of grpc-go v1.29.1's own tests of the v1 balancer
// (balancer_test.go there), under their names. Those of its pick-first are not
// here: that type was never exported.

import (
	"context"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// v1291 dials as those tests do: blocking, with the first of n servers resolved.
func v1291(t *testing.T, n int) ([]*backend.Backend, *scriptWatcher, *grpc.ClientConn) {
	t.Helper()
	b := startBackends(t, n)
	r, w := prepared(nextResult{updates: add(b[0].Addr())})
	conn := dial(t, "passthrough:///foo.bar.com", grpc.WithBlock(), grpc.WithTimeout(patience), WithBalancer(RoundRobin(r)))
	if s := conn.GetState(); s != connectivity.Ready {
		t.Errorf("after Dial WithBlock the state is %v", s)
	}
	return b, w, conn
}

func TestV1291NameDiscovery(t *testing.T) {
	b, w, conn := v1291(t, 2)
	if got := call(t, conn); got != b[0].Addr() {
		t.Fatalf("answered by %s", got)
	}
	w.send(t, append(del(b[0].Addr()), add(b[1].Addr())...)...)
	callAll(t, conn, b[1])
}

func TestV1291EmptyAddrs(t *testing.T) {
	b, w, conn := v1291(t, 1)
	call(t, conn)
	w.send(t, del(b[0].Addr())...)
	untilUnavailable(t, conn)
}

func TestV1291RoundRobin(t *testing.T) {
	b, w, conn := v1291(t, 3)
	for _, next := range b[1:] {
		w.send(t, add(next.Addr())...)
		eventually(t, "the added server answers", func() bool { return call(t, conn) == next.Addr() })
	}
	for i := range 10 {
		if got, want := call(t, conn), b[i%3].Addr(); got != want {
			t.Fatalf("RPC %d is answered by %s, want %s", i, got, want)
		}
	}
}

// untilWaiting returns when an RPC that waits for ready finds nobody.
func untilWaiting(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "an RPC waits", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		_, err := backend.Call(ctx, conn, grpc.WaitForReady(true))
		return status.Code(err) == codes.DeadlineExceeded
	})
}

func TestV1291CloseWithPendingRPC(t *testing.T) {
	b, w, conn := v1291(t, 1)
	w.send(t, del(b[0].Addr())...)
	untilWaiting(t, conn)
	one, two := waitingRPC(t, conn, grpc.WaitForReady(true)), waitingRPC(t, conn, grpc.WaitForReady(true))
	conn.Close()
	for _, done := range []<-chan error{one, two} {
		if err := receive(t, "the RPC", done); status.Code(err) != codes.Canceled {
			t.Errorf("RPC: %v, want Canceled", err)
		}
	}
}

func TestV1291GetOnWaitChannel(t *testing.T) {
	b, w, conn := v1291(t, 1)
	w.send(t, del(b[0].Addr())...)
	untilWaiting(t, conn)
	done := waitingRPC(t, conn, grpc.WaitForReady(true))
	w.send(t, add(b[0].Addr())...)
	mustSucceed(t, done)
}

// burst makes 100 RPCs that wait for ready while f goes on, and wants each of
// them answered. v1.29.1 left their errors unread when a server was stopped, as
// the RPCs that are on it fail; here those may be tried again.
func burst(t *testing.T, conn *grpc.ClientConn, f func(), retry bool) {
	t.Helper()
	ctx := testContext(t)
	var wg sync.WaitGroup
	wg.Go(f)
	for range 100 {
		wg.Go(func() {
			_, err := backend.Call(ctx, conn, grpc.WaitForReady(true))
			for retry && status.Code(err) == codes.Unavailable {
				_, err = backend.Call(ctx, conn, grpc.WaitForReady(true))
			}
			if err != nil {
				t.Errorf("RPC: %v", err)
			}
		})
	}
	wg.Wait()
}

func TestV1291OneServerDown(t *testing.T) {
	b, w, conn := v1291(t, 2)
	w.send(t, add(b[1].Addr())...)
	callAll(t, conn, b...)
	burst(t, conn, b[0].Stop, true)
}

func TestV1291OneAddressRemoval(t *testing.T) {
	b, w, conn := v1291(t, 2)
	w.send(t, add(b[1].Addr())...)
	callAll(t, conn, b...)
	burst(t, conn, func() { w.send(t, del(b[0].Addr())...) }, false)
}
