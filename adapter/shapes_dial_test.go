package adapter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	grpcmetadata "google.golang.org/grpc/metadata"
)

// packageOptions is a package-global slice that is appended to before Dial.
var packageOptions []grpc.DialOption

// balancerOptionFor is a function of the user's that returns the DialOption.
func balancerOptionFor(r fixedResolver) grpc.DialOption {
	return WithBalancer(RoundRobin(r))
}

// client has the Balancer, or the options, in a struct field.
type client struct {
	balancer Balancer
	opts     []grpc.DialOption
}

// clientOption is a functional option of the user's client.
type clientOption func(*client)

func withClientBalancer(b Balancer) clientOption {
	return func(c *client) { c.opts = append(c.opts, WithBalancer(b)) }
}

func withResolver(r fixedResolver) clientOption {
	return func(c *client) { c.balancer = RoundRobin(r) }
}

func newClient(opts ...clientOption) *client {
	c := &client{opts: []grpc.DialOption{grpc.WithInsecure()}}
	for _, opt := range opts {
		opt(c)
	}
	if c.balancer != nil {
		c.opts = append(c.opts, WithBalancer(c.balancer))
	}
	return c
}

// WithBalancer is a DialOption like any other: it works wherever one is put.
func TestShapeDialSites(t *testing.T) {
	t.Cleanup(func() { packageOptions = nil })
	for name, options := range map[string]func(r fixedResolver) []grpc.DialOption{
		"variable": func(r fixedResolver) []grpc.DialOption {
			b := RoundRobin(r)
			lb := WithBalancer(b)
			return []grpc.DialOption{lb, grpc.WithInsecure()}
		},
		"append": func(r fixedResolver) (opts []grpc.DialOption) {
			opts = append(opts, grpc.WithInsecure())
			return append(opts, WithBalancer(RoundRobin(r)))
		},
		"append to a package-global slice": func(r fixedResolver) []grpc.DialOption {
			packageOptions = append(packageOptions, grpc.WithInsecure(), WithBalancer(RoundRobin(r)))
			return packageOptions
		},
		"returned DialOption": func(r fixedResolver) []grpc.DialOption {
			return []grpc.DialOption{grpc.WithInsecure(), balancerOptionFor(r)}
		},
		"struct field": func(r fixedResolver) []grpc.DialOption {
			c := client{opts: []grpc.DialOption{grpc.WithInsecure(), balancerOptionFor(r)}}
			return c.opts
		},
		"functional option": func(r fixedResolver) []grpc.DialOption {
			return newClient(withClientBalancer(RoundRobin(r))).opts
		},
		"functional option for the resolver": func(r fixedResolver) []grpc.DialOption { return newClient(withResolver(r)).opts },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 2)
			conn, err := grpc.Dial("svc", options(addrsOf(b...))...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			callAll(t, conn, b...)
		})
	}
}

// WithBlock and WithTimeout: Dial gives up, and closes what it has started. The
// tests of v1.29.1 have WithBlock where there is an address.
func TestShapeWithBlockAndTimeout(t *testing.T) {
	for name, first := range map[string][]nextResult{
		"there is no answer":      {},
		"there are no addresses":  {{}},
		"the address is not up":   {{updates: add("127.0.0.1:1")}},
		"the name system is down": {{err: errors.New("down")}},
	} {
		t.Run(name, func(t *testing.T) {
			r, w := prepared(first...)
			conn, err := grpc.Dial("svc", WithBalancer(RoundRobin(r)),
				grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(50*time.Millisecond))
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Dial: %v, want %v", err, context.DeadlineExceeded)
			}
			if conn != nil {
				conn.Close()
			}
			eventually(t, "the watcher is closed", func() bool { return w.closeCount() > 0 })
		})
	}
}

// Interceptors come before the balancer: what one puts into the context is what
// it chooses by.
func TestShapeInterceptors(t *testing.T) {
	b := startBackends(t, 3)
	var streams atomic.Int32
	c := dialSelecting(t, &ketama{}, add(addrsOf(b...)...),
		grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply interface{}, cc *grpc.ClientConn,
			invoker grpc.UnaryInvoker, opts ...grpc.CallOption) error {
			md, _ := grpcmetadata.FromOutgoingContext(ctx)
			return invoker(context.WithValue(ctx, ketamaKey{}, md.Get("user")[0]), method, req, reply, cc, opts...)
		}),
		grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
			streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
			streams.Add(1)
			return streamer(ctx, desc, cc, method, opts...)
		}))
	for i := range 20 {
		key := fmt.Sprint("user-", i)
		want, _ := c.selector.choose(context.WithValue(context.Background(), ketamaKey{}, key))
		if got := c.call(grpcmetadata.AppendToOutgoingContext(testContext(t), "user", key)); got != want.Addr {
			t.Errorf("%s: answered by %s, want %s", key, got, want.Addr)
		}
	}
	_, err := healthpb.NewHealthClient(c.conn).Watch(testContext(t), &healthpb.HealthCheckRequest{})
	if err != nil || streams.Load() != 1 {
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

// WithDialer is given each Addr as the resolver wrote it.
func TestShapeWithDialerAndKeepalive(t *testing.T) {
	b := startBackends(t, 2)
	names := map[string]string{"backend-1.test:80": b[0].Addr(), "backend 2, by name only": b[1].Addr()}
	conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver{"backend-1.test:80", "backend 2, by name only"})),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: time.Second, PermitWithoutStream: true}),
		grpc.WithDialer(func(addr string, timeout time.Duration) (net.Conn, error) {
			if names[addr] == "" {
				t.Errorf("the dialer is given %q", addr)
			}
			return net.DialTimeout("tcp", names[addr], timeout)
		}))
	callAll(t, conn, b...)
}
