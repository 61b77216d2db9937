package adapter

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// connCounter counts the connections that a server has and had.
type connCounter struct{ open, total atomic.Int32 }

func (c *connCounter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (c *connCounter) HandleRPC(context.Context, stats.RPCStats)                         {}
func (c *connCounter) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (c *connCounter) HandleConn(_ context.Context, s stats.ConnStats) {
	switch s.(type) {
	case *stats.ConnBegin:
		c.open.Add(1)
		c.total.Add(1)
	case *stats.ConnEnd:
		c.open.Add(-1)
	}
}

// pool is a ClientConn over a scripted resolver and one backend whose
// connections are counted.
func pool(t *testing.T) (*backend.Backend, *connCounter, *scriptWatcher, *grpc.ClientConn) {
	t.Helper()
	counter := &connCounter{}
	b, err := backend.Start(grpc.StatsHandler(counter))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	return b, counter, r.watcher(t, 0), conn
}

func (c *connCounter) reach(t *testing.T, n int32) {
	t.Helper()
	eventually(t, "the number of connections is right", func() bool { return c.open.Load() == n })
}

// Contract: "Add of a known (Addr, Metadata): ignored, logged".
func TestContractAddKnown(t *testing.T) {
	b, counter, w, conn := pool(t)
	w.send(t, add(b.Addr())...)
	counter.reach(t, 1)
	log := logged.Mark()
	w.send(t, add(b.Addr(), b.Addr())...)
	w.send(t, addWith(b.Addr(), 1)) // by now the batch before has been folded
	counter.reach(t, 2)
	if n := strings.Count(log(), "which is known: ignored"); n != 2 {
		t.Errorf("%d lines in the log, want 2", n)
	}
	call(t, conn)
	w.send(t, del(b.Addr())...) // one Delete is enough for what was added three times
	counter.reach(t, 1)
}

// Contract: "Same Addr, other Metadata: a connection of its own".
func TestContractSameAddrOtherMetadata(t *testing.T) {
	b, counter, w, conn := pool(t)
	w.send(t, addWith(b.Addr(), 0), addWith(b.Addr(), 1), addWith(b.Addr(), 2), addWith(b.Addr(), 3))
	counter.reach(t, 4)
	for range 8 {
		call(t, conn)
	}
	if n := counter.total.Load(); n != 4 {
		t.Errorf("%d connections were made, want 4", n)
	}
}

// Contract: "Delete: exact match first; else every entry with that Addr".
func TestContractDelete(t *testing.T) {
	b, counter, w, _ := pool(t)
	w.send(t, addWith(b.Addr(), 0), addWith(b.Addr(), 1), addWith(b.Addr(), 2))
	counter.reach(t, 3)
	w.send(t, &naming.Update{Op: naming.Delete, Addr: b.Addr(), Metadata: 1})
	counter.reach(t, 2)
	w.send(t, &naming.Update{Op: naming.Delete, Addr: b.Addr()}) // Metadata forgotten
	counter.reach(t, 0)
}

// Contract: "Metadata not comparable (a map, a slice): compared by content".
func TestContractMetadataNotComparable(t *testing.T) {
	b, counter, w, conn := pool(t)
	w.send(t, addWith(b.Addr(), map[string]int{"weight": 1}))
	counter.reach(t, 1)
	call(t, conn)
	w.send(t, addWith(b.Addr(), map[string]int{"weight": 1}), addWith(b.Addr(), []string{"x"}))
	counter.reach(t, 2)
	w.send(t, &naming.Update{Op: naming.Delete, Addr: b.Addr(), Metadata: map[string]int{"weight": 1}})
	counter.reach(t, 1)
	call(t, conn)
	if n := counter.total.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}

// Contract: "Metadata a fresh pointer with equal content each time: the same
// address (a custom Balancer still sees its own pointers)".
func TestContractMetadataFreshPointer(t *testing.T) {
	type zone struct{ name string }
	b, counter, w, conn := pool(t)
	w.send(t, addWith(b.Addr(), &zone{"a"}))
	counter.reach(t, 1)
	w.send(t, addWith(b.Addr(), &zone{"a"}), addWith(b.Addr(), &zone{"b"}))
	counter.reach(t, 2)
	w.send(t, &naming.Update{Op: naming.Delete, Addr: b.Addr(), Metadata: &zone{"b"}})
	counter.reach(t, 1)
	call(t, conn)
	if n := counter.total.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}

	given := &zone{"a"}
	ups := make(chan Address, 1)
	balancer := &scriptBalancer{
		notify: func() <-chan []Address {
			ch := make(chan []Address, 1)
			ch <- []Address{{Addr: b.Addr(), Metadata: given}}
			return ch
		},
		up: func(a Address) func(error) { ups <- a; return nil },
	}
	dial(t, "svc", WithBalancer(balancer))
	if a := receive(t, "Up", ups); a.Metadata != given {
		t.Errorf("Up got Metadata %p, want the Balancer's own %p", a.Metadata, given)
	}
}

// An address that goes and comes back before grpc has heard of it keeps its
// connection, and is still up: v1.29.1 never used it again for RPCs that wait.
func TestDeleteAndAddInOneBatch(t *testing.T) {
	b, counter, w, conn := pool(t)
	w.send(t, add(b.Addr())...)
	counter.reach(t, 1)
	call(t, conn)
	w.send(t, append(del(b.Addr()), add(b.Addr())...)...)
	w.send(t, addWith(b.Addr(), 1)) // by now the batch before has been folded
	counter.reach(t, 2)
	for range 4 {
		call(t, conn, grpc.WaitForReady(true))
	}
	if n := counter.total.Load(); n != 2 {
		t.Errorf("%d connections were made, want 2", n)
	}
}
