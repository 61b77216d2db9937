package adapter

import (
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
