// Behaviour dials in ways that modernize rewrites, and prints what came of each.
package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	lis, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(lis)
	defer server.Stop()
	addr := strings.TrimSpace(lis.Addr().String())
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and says nothing
	check(err)

	// What the dialer is asked for.
	dialer := grpc.WithContextDialer(func(ctx context.Context, asked string) (net.Conn, error) {
		if asked == addr {
			asked = "ADDR"
		}
		fmt.Printf("the dialer is asked for %q\n", asked)
		return new(net.Dialer).DialContext(ctx, "tcp", addr)
	})
	conn, err := grpc.Dial("bufnet", grpc.WithInsecure(), dialer)
	call("a name", conn, err)
	conn, err = grpc.Dial("some-host:50051", grpc.WithInsecure(), dialer)
	call("a constant", conn, err)
	conn, err = grpc.Dial(addr, grpc.WithInsecure(), dialer)
	call("a variable", conn, err)
	with := "passthrough:///" + "explicit"
	conn, err = grpc.Dial(with, grpc.WithInsecure(), dialer)
	call("a variable with a scheme", conn, err)
	for _, unknown := range []string{"localhost:1", "a/b", "[::1]:1", "other:1", "dns:///localhost:1"} {
		conn, err = grpc.Dial(unknown, grpc.WithInsecure(), dialer)
		call("any of several", conn, err)
	}

	// Waiting.
	conn, err = grpc.Dial(addr, grpc.WithInsecure(), grpc.WithBlock())
	check(err)
	fmt.Println("after a wait:", conn.GetState())
	call("after a wait", conn, err)
	conn, err = grpc.Dial(addr, grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(time.Minute))
	fmt.Println("within a minute:", conn.GetState(), err)
	conn.Close()
	began := time.Now()
	conn, err = grpc.Dial(silent.Addr().String(), grpc.WithInsecure(), grpc.WithBlock(), grpc.WithTimeout(200*time.Millisecond))
	fmt.Println("to one who is silent:", conn == nil, err, errors.Is(err, context.DeadlineExceeded), time.Since(began) > 200*time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	conn, err = grpc.DialContext(ctx, silent.Addr().String(), grpc.WithBlock(), grpc.WithInsecure())
	cancel()
	fmt.Println("until a deadline:", conn == nil, err, errors.Is(err, context.DeadlineExceeded))
	ctx, cancel = context.WithCancel(context.Background())
	cancel()
	conn, err = grpc.DialContext(ctx, silent.Addr().String(), grpc.WithBlock(), grpc.WithInsecure())
	fmt.Println("cancelled:", conn == nil, err, errors.Is(err, context.Canceled))
	conn, err = grpc.DialContext(ctx, addr, grpc.WithInsecure())
	call("cancelled, without a wait", conn, err)

	// No credentials.
	_, err = grpc.Dial(addr)
	fmt.Println("without credentials:", err != nil)
	_, err = grpc.Dial(addr, grpc.WithBlock())
	fmt.Println("without credentials, waiting:", err != nil)
}

func call(what string, conn *grpc.ClientConn, err error) {
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
	fmt.Printf("%s: %v %v\n", what, grpc.Code(err), grpc.Code(err) == codes.OK)
	conn.Close()
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
