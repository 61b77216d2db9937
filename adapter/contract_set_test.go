package adapter

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/stats"

	"github.com/grpcnaming/grpcnaming/naming"
)

// connCounter counts the connections that a server has and had, and the RPCs that
// come over each.
type connCounter struct {
	open, total atomic.Int32
	mu          sync.Mutex
	calls       map[string]int // by the client's address
}

func newConnCounter() *connCounter { return &connCounter{calls: make(map[string]int)} }

func (c *connCounter) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context { return ctx }
func (c *connCounter) HandleRPC(_ context.Context, s stats.RPCStats) {
	if h, ok := s.(*stats.InHeader); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.calls[h.RemoteAddr.String()]++
	}
}

// takeCalls returns the counts of RPCs since the last time.
func (c *connCounter) takeCalls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := c.calls
	c.calls = make(map[string]int)
	return calls
}

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

func (c *connCounter) reach(t *testing.T, n int32) {
	t.Helper()
	eventually(t, "the number of connections is right", func() bool { return c.open.Load() == n })
}

// many are the Metadata of several updates for one Addr. With nil an update has none.
type many []interface{}

// setStep is one batch: Deletes of the one backend, then Adds of it, and how many
// connections there are then.
type setStep struct {
	del, add many
	open     int32
}

type setTest struct {
	steps   []setStep
	total   int32 // connections made
	ignored int   // Adds of what is known, which are logged
}

// Contract: which updates make and end connections, row by row.
func TestContractSet(t *testing.T) {
	tests := map[string]setTest{
		// One Delete is enough for what was added three times.
		"Add of a known address": {[]setStep{
			{add: many{nil}, open: 1}, {add: many{nil, nil}, open: 1}, {del: many{nil}},
		}, 1, 2},
		"same Addr, other Metadata": {[]setStep{{add: many{0, 1, 2, 3}, open: 4}}, 4, 0},
		// An exact match, else every entry with that Addr.
		"Delete": {[]setStep{{add: many{0, 1, 2}, open: 3}, {del: many{1}, open: 2}, {del: many{nil}}}, 3, 0},
		// It keeps its connection, and is up: v1.29.1 never used it again for RPCs that wait.
		"Delete and Add in one batch": {[]setStep{
			{add: many{nil}, open: 1}, {del: many{nil}, add: many{nil}, open: 1},
		}, 1, 0},
		// Two maps cannot be compared by ==, and two pointers are told apart by content.
		"other content": {[]setStep{
			{add: many{map[string]int{"a": 1}, map[string]int{"a": 2}, []string{"a"}, &instance{1}, &instance{2}}, open: 5},
			{del: many{map[string]int{"a": 1}, &instance{2}}, open: 3},
		}, 5, 0},
	}
	// Whatever kind Metadata is of, made anew for each event as resolvers do: it is
	// one address, and a Delete finds it, with Metadata or without.
	for name, fresh := range metadataKinds(t) {
		tests["Metadata of kind "+name] = setTest{[]setStep{
			{add: many{fresh()}, open: 1}, {add: many{fresh()}, open: 1}, {del: many{fresh()}},
			{add: many{fresh()}, open: 1}, {del: many{nil}},
		}, 2, 1}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			counter := newConnCounter()
			b := startBackendWith(t, grpc.StatsHandler(counter))
			conn, w := dialScript(t)
			log := logged.Mark()
			for _, step := range test.steps {
				var batch []*naming.Update
				for _, m := range step.del {
					batch = append(batch, &naming.Update{Op: naming.Delete, Addr: b.Addr(), Metadata: m})
				}
				for _, m := range step.add {
					batch = append(batch, addWith(b.Addr(), m))
				}
				w.send(t, batch...)
				w.send(t) // by now the batch has been folded
				counter.reach(t, step.open)
				for range 2 * step.open {
					call(t, conn, grpc.WaitForReady(true))
				}
			}
			if n := counter.total.Load(); n != test.total {
				t.Errorf("%d connections were made, want %d", n, test.total)
			}
			if n := strings.Count(log(), "which is known: ignored"); n != test.ignored {
				t.Errorf("%d lines in the log about what is known, want %d", n, test.ignored)
			}
		})
	}
}

type instanceInfo struct {
	Zone   string
	Weight int
	Tags   []string
}

func metadataKinds(t *testing.T) map[string]func() interface{} {
	// What etcd users stored is a whole Update.
	stored := func(metadata string) func() interface{} {
		return func() interface{} {
			var u naming.Update
			if err := json.Unmarshal([]byte(`{"Op": 0, "Addr": "a:1", "Metadata": `+metadata+`}`), &u); err != nil {
				t.Fatal(err)
			}
			return u.Metadata
		}
	}
	return map[string]func() interface{}{
		"string":            func() interface{} { return "zone-a" },
		"int":               func() interface{} { return 7 },
		"float64":           func() interface{} { return 0.5 },
		"struct":            func() interface{} { return struct{ Zone string }{"a"} },
		"pointer to struct": func() interface{} { return &instanceInfo{"a", 3, []string{"v1", "canary"}} },
		"map":               func() interface{} { return map[string]string{"zone": "a"} },
		"pointer to map":    func() interface{} { return &map[string]string{"zone": "a"} },
		"slice":             func() interface{} { return []string{"v1"} },
		"JSON object":       stored(`{"zone": "a", "weight": 3, "tags": ["v1"], "limits": {"qps": 1e3, "burst": null}}`),
		"JSON array":        stored(`["v1", 3, {"zone": "a"}]`),
		"JSON string":       stored(`"zone-a"`),
		"JSON number":       stored(`3`),
	}
}

// evenly makes RPCs until they come over n connections, as many over each.
func (c *connCounter) evenly(t *testing.T, conn *grpc.ClientConn, n int) {
	t.Helper()
	eventually(t, fmt.Sprint("RPCs take turns over ", n, " connections"), func() bool {
		c.takeCalls()
		for range 10 * n {
			call(t, conn)
		}
		calls := c.takeCalls()
		for _, n := range calls {
			if n != 10 {
				return false
			}
		}
		return len(calls) == n
	})
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
