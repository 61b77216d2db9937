package adapter

import (
	"context"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/peer"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// peerCounter counts, at a server, the RPCs of each connection.
type peerCounter struct {
	mu    sync.Mutex
	calls map[string]int
}

func (c *peerCounter) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	p, _ := peer.FromContext(ctx)
	c.mu.Lock()
	c.calls[p.Addr.String()]++
	c.mu.Unlock()
	return h(ctx, req)
}

// take returns the counts since the last take.
func (c *peerCounter) take() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = make(map[string]int)
	return calls
}

// evenly makes RPCs, which must come over n connections, as many over each.
func (c *peerCounter) evenly(t *testing.T, conn *grpc.ClientConn, n int) {
	t.Helper()
	eventually(t, "every connection carries RPCs", func() bool {
		c.take()
		for range 2 * n {
			call(t, conn)
		}
		return len(c.take()) == n
	})
	for range 10 * n {
		call(t, conn)
	}
	calls := c.take()
	for addr, n := range calls {
		if n != 10 {
			t.Errorf("%d RPCs came over the connection from %s, want 10 over each", n, addr)
		}
	}
	if len(calls) != n {
		t.Errorf("RPCs came over %d connections, want %d", len(calls), n)
	}
}

// poolResolver is a connection pool as people made one of RoundRobin: one
// server, told apart by a number in Metadata.
type poolResolver struct {
	addr    string
	size    int
	updates chan []*naming.Update
}

func newPoolResolver(addr string, size int) *poolResolver {
	r := &poolResolver{addr: addr, size: size, updates: make(chan []*naming.Update, 1)}
	var first []*naming.Update
	for i := 0; i < size; i++ {
		first = append(first, &naming.Update{Op: naming.Add, Addr: addr, Metadata: i})
	}
	r.updates <- first
	return r
}

func (r *poolResolver) Resolve(target string) (naming.Watcher, error) { return r, nil }

func (r *poolResolver) Next() ([]*naming.Update, error) { return <-r.updates, nil }

func (r *poolResolver) Close() { close(r.updates) }

// shrink takes the last connection out of the pool.
func (r *poolResolver) shrink() {
	r.size--
	r.updates <- []*naming.Update{{Op: naming.Delete, Addr: r.addr, Metadata: r.size}}
}

// The same Addr with Metadata 0..n-1 is n connections, and RPCs take turns over
// all of them.
func TestShapeConnectionPool(t *testing.T) {
	const size = 4
	peers, conns := &peerCounter{calls: make(map[string]int)}, &connCounter{}
	b, err := backend.Start(grpc.UnaryInterceptor(peers.intercept), grpc.StatsHandler(conns))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	r := newPoolResolver(b.Addr(), size)
	conn := dial(t, "pool", WithBalancer(RoundRobin(r)))

	conns.reach(t, size)
	peers.evenly(t, conn, size)
	r.shrink()
	conns.reach(t, size-1)
	peers.evenly(t, conn, size-1)
	if n := conns.total.Load(); n != size {
		t.Errorf("%d connections were made, want %d", n, size)
	}
}
