package adapter

import (
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
	"google.golang.org/grpc"
)

// evenly makes RPCs, which must come over n connections, as many over each.
func (c *connCounter) evenly(t *testing.T, conn *grpc.ClientConn, n int) {
	t.Helper()
	eventually(t, "every connection carries RPCs", func() bool {
		c.takeCalls()
		for range 2 * n {
			call(t, conn)
		}
		return len(c.takeCalls()) == n
	})
	for range 10 * n {
		call(t, conn)
	}
	calls := c.takeCalls()
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

// usePool dials with a pool of connections to one backend, whose address it gives
// to name, and dials what that returns. RPCs take turns over all of them.
func usePool(t *testing.T, name func(addr string) string) {
	t.Helper()
	const size = 4
	conns := newConnCounter()
	b := startBackendWith(t, grpc.StatsHandler(conns))
	r := newPoolResolver(name(b.Addr()), size)
	conn := dial(t, "pool", WithBalancer(RoundRobin(r)))
	conns.reach(t, size)
	conns.evenly(t, conn, size)
	r.shrink()
	conns.reach(t, size-1)
	conns.evenly(t, conn, size-1)
	if n := conns.total.Load(); n != size {
		t.Errorf("%d connections were made, want %d", n, size)
	}
}

// The same Addr with Metadata 0..n-1 is n connections.
func TestShapeConnectionPool(t *testing.T) {
	usePool(t, func(addr string) string { return addr })
}
