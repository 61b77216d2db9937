package adapter

// What the tests of the contract and of the shapes have in common.

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// startBackendWith is startBackends for one that has options of its own.
func startBackendWith(t *testing.T, opts ...grpc.ServerOption) *backend.Backend {
	t.Helper()
	b, err := backend.Start(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b
}

// dialScript dials with RoundRobin over a scriptResolver, and returns its first
// watcher too.
func dialScript(t *testing.T, opts ...grpc.DialOption) (*grpc.ClientConn, *scriptWatcher) {
	t.Helper()
	r := &scriptResolver{}
	conn := dial(t, "svc", append(opts, WithBalancer(RoundRobin(r)))...)
	return conn, r.watcher(t, 0)
}

// prepared returns a resolver whose watcher has these results for Next already.
func prepared(results ...nextResult) (*scriptResolver, *scriptWatcher) {
	w := newScriptWatcher()
	w.results = make(chan nextResult, 1)
	for _, r := range results {
		w.results <- r
	}
	return &scriptResolver{resolve: func(string) (naming.Watcher, error) { return w, nil }}, w
}

// waitingRPC makes an RPC that must wait, and returns where its outcome will come.
func waitingRPC(t *testing.T, conn *grpc.ClientConn, opts ...grpc.CallOption) <-chan error {
	t.Helper()
	done := make(chan error, 1)
	ctx := testContext(t)
	go func() {
		_, err := backend.Call(ctx, conn, opts...)
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("the RPC did not wait: %v", err)
	case <-time.After(30 * time.Millisecond): // a failure may need longer to show; a success never fails
	}
	return done
}

// mustSucceed takes the outcome of a waitingRPC.
func mustSucceed(t *testing.T, done <-chan error) {
	t.Helper()
	if err := receive(t, "the RPC", done); err != nil {
		t.Errorf("the RPC that waited: %v", err)
	}
}

// callUnavailable makes a fail-fast RPC and says whether it is Unavailable, for a
// reason that has all of these texts.
func callUnavailable(t *testing.T, conn *grpc.ClientConn, texts ...string) (bool, error) {
	t.Helper()
	_, err := backend.Call(testContext(t), conn)
	for _, text := range texts {
		if !strings.Contains(status.Convert(err).Message(), text) {
			return false, err
		}
	}
	return status.Code(err) == codes.Unavailable, err
}

// mustBeUnavailable makes one RPC.
func mustBeUnavailable(t *testing.T, conn *grpc.ClientConn, texts ...string) {
	t.Helper()
	if ok, err := callUnavailable(t, conn, texts...); !ok {
		t.Errorf("RPC: %v, want Unavailable with %q", err, texts)
	}
}

// untilUnavailable makes RPCs until they are. Until then they may succeed, or have
// another reason, but no other status.
func untilUnavailable(t *testing.T, conn *grpc.ClientConn, texts ...string) {
	t.Helper()
	eventually(t, fmt.Sprintf("RPCs are Unavailable with %q", texts), func() bool {
		ok, err := callUnavailable(t, conn, texts...)
		if c := status.Code(err); c != codes.OK && c != codes.Unavailable {
			t.Fatalf("RPC: %v, want Unavailable", err)
		}
		return ok
	})
}
