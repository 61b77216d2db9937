package adapter

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Resolvers that ask their name system over gRPC, as etcd's, return statuses.
// They are about the name system, not about the RPC, which is Unavailable, or
// waits.
func TestShapeResolveFailsWithStatus(t *testing.T) {
	for _, code := range []codes.Code{codes.Unavailable, codes.Canceled, codes.NotFound, codes.PermissionDenied, codes.DeadlineExceeded} {
		t.Run(code.String(), func(t *testing.T) {
			b := startBackends(t, 1)
			var works atomic.Bool
			r := &scriptResolver{resolve: func(string) (naming.Watcher, error) {
				if !works.Load() {
					return nil, status.Error(code, "etcdserver: not now")
				}
				return fixedResolver{b[0].Addr()}.Resolve("")
			}}
			conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
			_, err := backend.Call(testContext(t), conn)
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "etcdserver: not now") {
				t.Errorf("RPC: %v, want Unavailable with the resolver's error", err)
			}
			done := make(chan error, 1)
			ctx := testContext(t)
			go func() {
				_, err := backend.Call(ctx, conn, grpc.FailFast(false))
				done <- err
			}()
			select {
			case err := <-done:
				t.Fatalf("the RPC did not wait: %v", err)
			case <-time.After(30 * time.Millisecond): // a failure may need longer to show
			}
			works.Store(true)
			if err := receive(t, "the RPC", done); err != nil {
				t.Errorf("RPC that waits: %v", err)
			}
		})
	}
}
