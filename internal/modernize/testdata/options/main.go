// Options uses deprecated options that modernize rewrites, and prints what came of each.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

func main() {
	plain := serve()
	ask("nothing", plain)
	ask("MaxMsgSize", serve(grpc.MaxMsgSize(1)))
	ask("WithMaxMsgSize", plain, grpc.WithMaxMsgSize(1))

	dead := listen()
	dead.Close()
	ask("FailFast(true)", dead.Addr().String(), grpc.WithDefaultCallOptions(grpc.FailFast(true)))
	ask("FailFast(false)", dead.Addr().String(), grpc.WithDefaultCallOptions(grpc.FailFast(false)), shortly)
	slow := plain == ""
	ask("FailFast of a variable", dead.Addr().String(), grpc.WithDefaultCallOptions(grpc.FailFast(slow)), shortly)

	ask("WithCodec", plain, grpc.WithCodec(own{}))
	ask("CallCustomCodec", plain, grpc.WithDefaultCallOptions(grpc.CallCustomCodec(own{})))
	ask("CustomCodec", serve(grpc.CustomCodec(own{})))

	ask("WithDialer", plain, grpc.WithDialer(func(addr string, timeout time.Duration) (net.Conn, error) {
		fmt.Println("  asked for", addr == plain, "within 20s", within20(timeout))
		return net.Dial("tcp", addr)
	}))
	ask("WithDialer, net.DialTimeout", "", grpc.WithDialer(func(_ string, timeout time.Duration) (net.Conn, error) {
		return net.DialTimeout("tcp", plain, timeout)
	}))
	ask("WithDialer, a function", plain, grpc.WithDialer(dial))
	ask("WithDialer, evaluated once", plain, grpc.WithDialer(dialer()), wait)
	failing := 0
	ask("WithDialer, evaluated early", plain, grpc.WithDialer(numbered[failing]), later(&failing))

	bc := grpc.DefaultBackoffConfig
	bc.MaxDelay = time.Millisecond
	ask("WithBackoffMaxDelay", plain, grpc.WithBackoffMaxDelay(time.Millisecond), failFirst(4), wait)
	ask("WithBackoffConfig", plain, grpc.WithBackoffConfig(grpc.BackoffConfig{MaxDelay: time.Millisecond}), failFirst(4), wait)
	ask("WithBackoffConfig of a variable", plain, grpc.WithBackoffConfig(bc), failFirst(4), wait)
	ask("WithBackoffConfig of the default", plain, grpc.WithBackoffConfig(grpc.DefaultBackoffConfig), failFirst(1), wait)

	ask("WithCompressor", serve(grpc.RPCDecompressor(grpc.NewGZIPDecompressor())),
		grpc.WithCompressor(grpc.NewGZIPCompressor()), grpc.WithDecompressor(grpc.NewGZIPDecompressor()))
}

var wait = grpc.WithDefaultCallOptions(grpc.WaitForReady(true))

// seen is what a server saw of a request.
var seen struct {
	sync.Mutex
	contentType, accepts, encoding any
}

type handler struct{ server bool }

func (handler) TagRPC(ctx context.Context, _ *stats.RPCTagInfo) context.Context   { return ctx }
func (handler) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }
func (handler) HandleConn(context.Context, stats.ConnStats)                       {}
func (h handler) HandleRPC(_ context.Context, s stats.RPCStats) {
	in, ok := s.(*stats.InHeader)
	switch {
	case ok && h.server:
		seen.Lock()
		defer seen.Unlock()
		seen.encoding = in.Compression
	case ok:
		fmt.Printf("  the answer is in %q\n", in.Compression)
	}
}

func listen() net.Listener {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return lis
}

func serve(opts ...grpc.ServerOption) (addr string) {
	lis := listen()
	server := grpc.NewServer(append(opts, grpc.StatsHandler(handler{server: true}), grpc.UnaryInterceptor(look))...)
	checker := health.NewServer()
	checker.SetServingStatus("service", healthpb.HealthCheckResponse_SERVING)
	healthpb.RegisterHealthServer(server, checker)
	go server.Serve(lis)
	return lis.Addr().String()
}

func look(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	accepts, err := grpc.ClientSupportedCompressors(ctx)
	check(err)
	md, _ := metadata.FromIncomingContext(ctx)
	seen.Lock()
	seen.contentType, seen.accepts = md["content-type"], accepts
	seen.Unlock()
	return next(ctx, req)
}

func ask(what, addr string, opts ...grpc.DialOption) {
	fmt.Println(what)
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithStatsHandler(handler{}))
	conn, err := grpc.NewClient("passthrough:///"+addr, opts...)
	check(err)
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{Service: "service"})
	seen.Lock()
	defer seen.Unlock()
	fmt.Printf("  %v, content-type %v, in %v, accepts %v\n", status.Code(err), seen.contentType, seen.encoding, seen.accepts)
	seen.contentType, seen.encoding, seen.accepts = nil, nil, nil
}

var shortly = grpc.WithChainUnaryInterceptor(briefly)

// briefly lets an RPC wait no longer than a moment.
func briefly(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
	invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	return invoke(ctx, method, req, reply, cc, opts...)
}

type own struct{}

func (own) Marshal(v any) ([]byte, error)      { return proto.Marshal(v.(proto.Message)) }
func (own) Unmarshal(data []byte, v any) error { return proto.Unmarshal(data, v.(proto.Message)) }
func (own) String() string                     { return "own's string" }
func (own) Name() string                       { return "Own" }

func within20(d time.Duration) bool { return 10*time.Second < d && d <= 20*time.Second }

func dial(addr string, timeout time.Duration) (net.Conn, error) {
	fmt.Println("  dial within 20s", within20(timeout))
	return net.DialTimeout("tcp", addr, timeout)
}

func dialer() func(string, time.Duration) (net.Conn, error) {
	fmt.Println("  made a dialer")
	failed := false
	return func(addr string, timeout time.Duration) (net.Conn, error) {
		if !failed {
			failed = true
			return nil, errors.New("the first one fails")
		}
		return dial(addr, timeout)
	}
}

var numbered = []func(string, time.Duration) (net.Conn, error){dial, tooLate}

func tooLate(string, time.Duration) (net.Conn, error) { return nil, errors.New("too late") }

// later changes n after the options have been made.
func later(n *int) grpc.DialOption {
	*n = 1
	return grpc.EmptyDialOption{}
}

// failFirst is a dialer that fails n times, and tells how long the waits between were.
func failFirst(n int) grpc.DialOption {
	var last time.Time
	calls := 0
	return grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
		deadline, ok := ctx.Deadline()
		fmt.Print("  dials until 20s have passed ", ok && within20(time.Until(deadline)))
		if calls++; calls > 1 {
			fmt.Print(", having waited for a second ", time.Since(last) > 700*time.Millisecond)
		}
		fmt.Println()
		if last = time.Now(); calls <= n {
			return nil, errors.New("not yet")
		}
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	})
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
