package adapter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	grpcmetadata "google.golang.org/grpc/metadata"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// WithBlock: Dial returns when an address is connected.
func TestShapeWithBlock(t *testing.T) {
	b := startBackends(t, 2)
	conn := dial(t, "svc", grpc.WithBlock(), grpc.WithTimeout(patience), WithBalancer(RoundRobin(fixedResolver(addrsOf(b...)))))
	if s := conn.GetState(); s != connectivity.Ready {
		t.Errorf("after Dial WithBlock the state is %v", s)
	}
	callAll(t, conn, b...)
}

// WithBlock and WithTimeout: Dial gives up, and closes what it has started.
func TestShapeWithBlockAndTimeout(t *testing.T) {
	for name, first := range map[string][]nextResult{
		"there is no answer":      {},
		"there are no addresses":  {{}},
		"the address is not up":   {{updates: add("127.0.0.1:1")}},
		"the name system is down": {{err: errors.New("down")}},
	} {
		t.Run(name, func(t *testing.T) {
			var mu sync.Mutex
			var watchers []*scriptWatcher
			r := &scriptResolver{resolve: func(string) (naming.Watcher, error) {
				w := newScriptWatcher()
				w.results = make(chan nextResult, 1)
				for _, r := range first {
					w.results <- r
				}
				mu.Lock()
				defer mu.Unlock()
				watchers = append(watchers, w)
				return w, nil
			}}
			conn, err := grpc.Dial("svc", grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(50*time.Millisecond), WithBalancer(RoundRobin(r)))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Dial: %v, want %v", err, context.DeadlineExceeded)
			}
			if conn != nil {
				conn.Close()
			}
			mu.Lock()
			defer mu.Unlock()
			for _, w := range watchers {
				eventually(t, "the watcher is closed", func() bool { return w.closeCount() == 1 })
			}
		})
	}
}

// Interceptors come before the balancer: what one puts into the context is what
// it chooses by.
func TestShapeInterceptors(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	var streams atomic.Int32
	ring := newSelectorBalancer(r, &ketama{})
	told := &told{Balancer: ring}
	conn := dial(t, "svc", WithBalancer(told),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply interface{}, cc *grpc.ClientConn, invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			md, _ := grpcmetadata.FromOutgoingContext(ctx)
			return invoker(context.WithValue(ctx, ketamaKey{}, md.Get("user")[0]), method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			streams.Add(1)
			return streamer(ctx, desc, cc, method, opts...)
		}))
	r.watcher(t, 0).send(t, add(addrsOf(b...)...)...)
	(&selecting{selectorBalancer: ring, t: t}).reach(3)
	for i := range 20 {
		key := fmt.Sprint("user-", i)
		want, _ := ring.selector.choose(context.WithValue(context.Background(), ketamaKey{}, key))
		got, err := backend.Call(grpcmetadata.AppendToOutgoingContext(testContext(t), "user", key), conn)
		if err != nil || got != want.Addr {
			t.Errorf("%s: %s, %v, want %s", key, got, err, want.Addr)
		}
	}
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	stream, err := healthpb.NewHealthClient(conn).Watch(ctx, &healthpb.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.Recv(); err != nil || streams.Load() != 1 {
		t.Errorf("stream: %v, %d of them intercepted", err, streams.Load())
	}
}

// rawCodec leaves messages as bytes, as those of proxies did.
type rawCodec struct{}

func (rawCodec) Marshal(v interface{}) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v interface{}) error { *v.(*[]byte) = data; return nil }
func (rawCodec) String() string                             { return "proto" }

func TestShapeWithCodec(t *testing.T) {
	b := startBackends(t, 2)
	conn := dial(t, "svc", grpc.WithCodec(rawCodec{}), WithBalancer(RoundRobin(fixedResolver(addrsOf(b...)))))
	for range 4 {
		var request, response []byte
		if err := conn.Invoke(testContext(t), healthpb.Health_Check_FullMethodName, &request, &response); err != nil {
			t.Fatal(err)
		}
		if got, want := string(response), "\x08\x01"; got != want { // SERVING
			t.Errorf("the response is %q, want %q", got, want)
		}
	}
}

// FailFast(false): RPCs wait for the first address, by default or one by one.
func TestShapeFailFastFalse(t *testing.T) {
	for name, opts := range map[string]struct {
		dial []grpc.DialOption
		call []grpc.CallOption
	}{
		"WithDefaultCallOptions": {dial: []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.FailFast(false))}},
		"CallOption":             {call: []grpc.CallOption{grpc.FailFast(false)}},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 1)
			r := &scriptResolver{}
			conn := dial(t, "svc", append(opts.dial, WithBalancer(RoundRobin(r)))...)
			w := r.watcher(t, 0)
			w.send(t)
			done := make(chan error, 1)
			ctx := testContext(t)
			go func() {
				_, err := backend.Call(ctx, conn, opts.call...)
				done <- err
			}()
			select {
			case err := <-done:
				t.Fatalf("the RPC did not wait: %v", err)
			case <-time.After(30 * time.Millisecond): // a failure may need longer to show
			}
			w.send(t, add(b[0].Addr())...)
			if err := receive(t, "the RPC", done); err != nil {
				t.Errorf("RPC: %v", err)
			}
		})
	}
}

// WithDialer is given each Addr as the resolver wrote it.
func TestShapeWithDialer(t *testing.T) {
	b := startBackends(t, 2)
	names := map[string]string{"backend-1.test:80": b[0].Addr(), "backend 2, by name only": b[1].Addr()}
	conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver{"backend-1.test:80", "backend 2, by name only"})),
		grpc.WithDialer(func(addr string, timeout time.Duration) (net.Conn, error) {
			if names[addr] == "" {
				t.Errorf("the dialer is given %q", addr)
			}
			return net.DialTimeout("tcp", names[addr], timeout)
		}))
	callAll(t, conn, b...)
}

func TestShapeKeepalive(t *testing.T) {
	b := startBackends(t, 2)
	conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver(addrsOf(b...)))), grpc.WithKeepaliveParams(keepalive.ClientParameters{
		Time: 10 * time.Second, Timeout: time.Second, PermitWithoutStream: true,
	}))
	callAll(t, conn, b...)
}
