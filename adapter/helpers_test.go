package adapter

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testlog"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
	"github.com/grpcnaming/grpcnaming/naming"
)

// logged has what this package and grpc have logged in all tests so far.
var logged *testlog.Log

func TestMain(m *testing.M) {
	logged = testlog.Capture()
	balancer.Register(policySpy{})
	goleak.VerifyTestMain(m)
}

// lastRetry is the longest that internal/follow waits between two calls of Resolve.
const lastRetry = 30 * time.Second

// How tests of this package wait.
const patience = testwait.Patience

var (
	testContext = testwait.Context
	eventually  = testwait.Until
)

// receive takes a value from ch, which must come.
func receive[T any](t *testing.T, what string, ch <-chan T) T {
	t.Helper()
	select {
	case v, ok := <-ch:
		if !ok {
			t.Fatalf("%s: the channel is closed", what)
		}
		return v
	case <-time.After(patience):
		t.Fatalf("%s: nothing came within %v", what, patience)
	}
	panic("unreachable")
}

// elapse lets d go by, of the bubble's time, and everything that it brings about.
func elapse(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func startBackends(t *testing.T, n int) []*backend.Backend {
	t.Helper()
	list := make([]*backend.Backend, n)
	for i := range list {
		b, err := backend.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Stop)
		list[i] = b
	}
	return list
}

// dial connects as the code this package is for does: Dial, WithInsecure.
func dial(t *testing.T, target string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.Dial(target, append([]grpc.DialOption{grpc.WithInsecure()}, opts...)...)
	if err != nil {
		t.Fatalf("Dial(%q): %v", target, err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// call makes an RPC that must succeed and returns who answered.
func call(t *testing.T, conn grpc.ClientConnInterface, opts ...grpc.CallOption) string {
	t.Helper()
	addr, err := backend.Call(testContext(t), conn, opts...)
	if err != nil {
		t.Fatalf("RPC: %v", err)
	}
	return addr
}

// callAll makes RPCs until every one of the backends has answered, and fails if
// anybody else does after the first round.
func callAll(t *testing.T, conn grpc.ClientConnInterface, want ...*backend.Backend) {
	t.Helper()
	eventually(t, "each backend answers", func() bool {
		seen := make(map[string]bool)
		for range 2 * len(want) {
			addr, err := backend.Call(testContext(t), conn)
			if err != nil {
				return false
			}
			seen[addr] = true
		}
		for _, b := range want {
			if !seen[b.Addr()] {
				return false
			}
		}
		return len(seen) == len(want)
	})
}

func add(addrs ...string) []*naming.Update {
	list := make([]*naming.Update, len(addrs))
	for i, a := range addrs {
		list[i] = &naming.Update{Op: naming.Add, Addr: a}
	}
	return list
}

func del(addrs ...string) []*naming.Update {
	list := add(addrs...)
	for _, u := range list {
		u.Op = naming.Delete
	}
	return list
}

func addWith(addr string, metadata interface{}) *naming.Update {
	return &naming.Update{Op: naming.Add, Addr: addr, Metadata: metadata}
}

func addrsOf(backends ...*backend.Backend) []string {
	list := make([]string, len(backends))
	for i, b := range backends {
		list[i] = b.Addr()
	}
	return list
}

// scriptResolver is a naming.Resolver under the test's control.
type scriptResolver struct {
	resolve func(target string) (naming.Watcher, error) // nil: a new scriptWatcher

	mu       sync.Mutex
	targets  []string
	watchers []*scriptWatcher
}

func (r *scriptResolver) Resolve(target string) (naming.Watcher, error) {
	r.mu.Lock()
	r.targets = append(r.targets, target)
	r.mu.Unlock()
	if r.resolve != nil {
		return r.resolve(target)
	}
	w := newScriptWatcher()
	r.mu.Lock()
	r.watchers = append(r.watchers, w)
	r.mu.Unlock()
	return w, nil
}

func (r *scriptResolver) resolved() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.targets...)
}

// watcher waits for the n-th watcher, from 0.
func (r *scriptResolver) watcher(t *testing.T, n int) *scriptWatcher {
	t.Helper()
	var w *scriptWatcher
	eventually(t, "the resolver is asked", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.watchers) > n {
			w = r.watchers[n]
		}
		return w != nil
	})
	return w
}

// inTurn resolves to one of the watchers and errors after the other, and to the last
// again and again.
func inTurn(results ...any) *scriptResolver {
	n := 0
	return &scriptResolver{resolve: func(string) (naming.Watcher, error) {
		result := results[min(n, len(results)-1)]
		n++
		if err, ok := result.(error); ok {
			return nil, err
		}
		return result.(naming.Watcher), nil
	}}
}

type nextResult struct {
	updates []*naming.Update
	err     error
}

// scriptWatcher returns from Next what the test sends.
type scriptWatcher struct {
	results chan nextResult
	closed  chan struct{}

	mu     sync.Mutex
	nexts  int
	closes int
}

func newScriptWatcher() *scriptWatcher {
	return &scriptWatcher{results: make(chan nextResult), closed: make(chan struct{})}
}

func (w *scriptWatcher) Next() ([]*naming.Update, error) {
	w.mu.Lock()
	w.nexts++
	w.mu.Unlock()
	select {
	case r := <-w.results:
		return r.updates, r.err
	case <-w.closed:
		return nil, errors.New("scriptWatcher is closed")
	}
}

func (w *scriptWatcher) Close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closes++; w.closes == 1 {
		close(w.closed)
	}
}

func (w *scriptWatcher) closeCount() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.closes
}

// reporter is an ErrorReporter: the test calls report.
type reporter struct {
	*scriptWatcher
	report func(error)
}

func newReporter() *reporter { return &reporter{scriptWatcher: newScriptWatcher()} }

func (w *reporter) OnError(f func(error)) { w.report = f }

// send makes a Next return updates, and waits until it does.
func (w *scriptWatcher) send(t *testing.T, updates ...*naming.Update) {
	t.Helper()
	w.result(t, nextResult{updates: updates})
}

// fail makes a Next return err.
func (w *scriptWatcher) fail(t *testing.T, err error) {
	t.Helper()
	w.result(t, nextResult{err: err})
}

func (w *scriptWatcher) result(t *testing.T, r nextResult) {
	t.Helper()
	select {
	case w.results <- r:
	case <-time.After(patience):
		t.Fatal("Next is not called")
	}
}
