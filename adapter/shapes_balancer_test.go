package adapter

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// told remembers what Get said last.
type told struct {
	Balancer
	mu   sync.Mutex
	addr string
}

func (b *told) Get(ctx context.Context, opts BalancerGetOptions) (Address, func(), error) {
	addr, put, err := b.Balancer.Get(ctx, opts)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.addr = addr.Addr
	return addr, put, err
}

func (b *told) last() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.addr
}

// selecting is a ClientConn with a selectorBalancer.
type selecting struct {
	*selectorBalancer
	t       *testing.T
	told    *told
	conn    *grpc.ClientConn
	watcher *scriptWatcher
}

func dialSelecting(t *testing.T, s selector, updates []*naming.Update, opts ...grpc.DialOption) *selecting {
	t.Helper()
	r := &scriptResolver{}
	b := newSelectorBalancer(r, s)
	told := &told{Balancer: b}
	conn := dial(t, "svc", append(opts, WithBalancer(told))...)
	c := &selecting{selectorBalancer: b, t: t, told: told, conn: conn, watcher: r.watcher(t, 0)}
	c.watcher.send(t, updates...)
	c.reach(len(updates))
	return c
}

// reach waits until n addresses are connected.
func (c *selecting) reach(n int) {
	c.t.Helper()
	eventually(c.t, fmt.Sprint(n, " are connected"), func() bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return len(c.connected()) == n
	})
}

// call makes an RPC and checks that it goes where the balancer said.
func (c *selecting) call(ctx context.Context) string {
	c.t.Helper()
	got, err := backend.Call(ctx, c.conn)
	if err != nil {
		c.t.Fatalf("RPC: %v", err)
	}
	if want := c.told.last(); got != want {
		c.t.Fatalf("the balancer said %s, and %s answered", want, got)
	}
	return got
}

// calls makes n RPCs and counts who answers.
func (c *selecting) calls(n int) map[string]int {
	c.t.Helper()
	count := make(map[string]int)
	for range n {
		count[c.call(testContext(c.t))]++
	}
	return count
}

// Consistent hashing on a key from the context: a key stays where it is, unless
// its backend goes.
func TestShapeBalancerKetama(t *testing.T) {
	b := startBackends(t, 3)
	c := dialSelecting(t, &ketama{}, add(addrsOf(b...)...))
	owners := func() map[string]string {
		t.Helper()
		of := make(map[string]string)
		for i := range 100 {
			key := fmt.Sprint("user-", i)
			of[key] = c.call(context.WithValue(testContext(t), ketamaKey{}, key))
		}
		return of
	}
	before := owners()
	used := make(map[string]bool)
	for key, addr := range owners() {
		used[addr] = true
		if addr != before[key] {
			t.Errorf("%s went from %s to %s", key, before[key], addr)
		}
	}
	if len(used) != len(b) {
		t.Errorf("the keys are on %d of %d backends", len(used), len(b))
	}
	gone := b[1].Addr()
	c.watcher.send(t, del(gone)...)
	c.reach(2)
	for key, addr := range owners() {
		if addr == gone || before[key] != gone && addr != before[key] {
			t.Errorf("%s went from %s to %s when %s was deleted", key, before[key], addr, gone)
		}
	}
}

// Weights from Metadata; a new weight is a Delete and an Add.
func TestShapeBalancerWeighted(t *testing.T) {
	b := startBackends(t, 2)
	heavy, light := &instance{3}, &instance{1}
	c := dialSelecting(t, &weighted{}, []*naming.Update{addWith(b[0].Addr(), heavy), addWith(b[1].Addr(), light)})
	if n := c.calls(40); n[b[0].Addr()] != 30 || n[b[1].Addr()] != 10 {
		t.Errorf("calls %v, want three to one", n)
	}
	c.watcher.send(t, &naming.Update{Op: naming.Delete, Addr: b[0].Addr(), Metadata: heavy}, addWith(b[0].Addr(), &instance{1}))
	c.watcher.send(t) // by now the batch before has been dealt with
	c.reach(2)
	if n := c.calls(40); n[b[0].Addr()] != 20 || n[b[1].Addr()] != 20 {
		t.Errorf("calls %v, want one to one", n)
	}
}

// The least loaded one is known by the puts that are still to come, those of
// streams too.
func TestShapeBalancerLeastLoaded(t *testing.T) {
	b := startBackends(t, 2)
	c := dialSelecting(t, &leastLoaded{}, add(addrsOf(b...)...))
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	stream, err := healthpb.NewHealthClient(c.conn).Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	busy := c.told.last()
	if _, err := stream.Recv(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "puts leave the stream as the only load", func() bool { return c.call(testContext(t)) != busy })
	if n := c.calls(10); n[busy] != 0 {
		t.Errorf("calls %v, none of which %s with a stream on it should have", n, busy)
	}
	cancel()
	eventually(t, "the end of the stream is put", func() bool { return c.call(testContext(t)) == busy })
}

// One's own zone first, by Metadata, and the others when it is down.
func TestShapeBalancerPreferLocal(t *testing.T) {
	b := startBackends(t, 3)
	c := dialSelecting(t, &preferLocal{zone: "a"}, []*naming.Update{
		addWith(b[0].Addr(), "b"), addWith(b[1].Addr(), "a"), addWith(b[2].Addr(), "a"),
	})
	if n := c.calls(10); n[b[1].Addr()] != 5 || n[b[2].Addr()] != 5 {
		t.Errorf("calls %v, want them in zone a", n)
	}
	b[1].Stop()
	c.reach(2)
	if n := c.calls(10); n[b[2].Addr()] != 10 {
		t.Errorf("calls %v, want them on the one left in zone a", n)
	}
	b[2].Stop()
	c.reach(1)
	if n := c.calls(10); n[b[0].Addr()] != 10 {
		t.Errorf("calls %v, want them in the other zone", n)
	}
}
