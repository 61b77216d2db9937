// Command leaving makes calls as it is told on standard input: a command a line,
// and a line for each answer.
//
//	call N wait|now TIME    makes N calls with that deadline, one after the other
//	begin NAME wait|now     begins a call without a deadline
//	stream NAME             opens a stream, and says where to
//	pending NAME            says whether that call or stream has not ended yet
//	end NAME                says how it ended, when it has
//	cancel NAME             cancels it
//	state                   says what state the connection is in
//	ready TIME              waits, for that long, until it is in state READY, and says that
//	close                   closes the connection
//
// An answer is the address of the backend that answered, or a code and a text.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"os"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"example.com/leaving/grpclb"
)

func main() {
	conn, err := grpc.Dial("", grpc.WithInsecure(), grpc.WithBalancer(grpc.RoundRobin(grpclb.NewConsulResolver("127.0.0.1:8500", "add"))))
	if err != nil {
		log.Fatalf("dial: %v", err)
	}
	c := &client{health: healthpb.NewHealthClient(conn), begun: map[string]*operation{}}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		words := strings.Fields(lines.Text())
		switch words[0] {
		case "call":
			c.call(words[1], words[2], words[3])
		case "begin":
			c.begin(words[1], words[2])
		case "stream":
			c.stream(words[1])
		case "pending":
			fmt.Println(c.begun[words[1]].pending())
		case "end":
			o := c.begun[words[1]]
			<-o.ended
			fmt.Println(o.how)
		case "cancel":
			c.begun[words[1]].cancel()
			fmt.Println("ok")
		case "state":
			fmt.Println(conn.GetState())
		case "ready":
			fmt.Println(ready(conn, words[1]))
		case "close":
			fmt.Println(answer("", conn.Close()))
		default:
			log.Fatalf("no such command: %s", words[0])
		}
	}
}

type client struct {
	health healthpb.HealthClient
	begun  map[string]*operation
}

// An operation is a call or a stream that has begun.
type operation struct {
	cancel context.CancelFunc
	ended  chan struct{} // closed when how is there
	how    string
}

func (o *operation) pending() string {
	select {
	case <-o.ended:
		return "ended"
	default:
		return "pending"
	}
}

func (c *client) call(count, mode, limit string) {
	n, err := strconv.Atoi(count)
	if err != nil {
		log.Fatal(err)
	}
	for i := 0; i < n; i++ {
		ctx, cancel := within(limit)
		fmt.Println(c.one(ctx, mode))
		cancel()
	}
}

func (c *client) one(ctx context.Context, mode string) string {
	var header metadata.MD
	_, err := c.health.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.WaitForReady(mode == "wait"), grpc.Header(&header))
	return answer(from(header), err)
}

func (c *client) begin(name, mode string) {
	ctx, o := c.operation(name)
	go func() {
		o.how = c.one(ctx, mode)
		close(o.ended)
	}()
	fmt.Println("ok")
}

func (c *client) stream(name string) {
	ctx, o := c.operation(name)
	s, err := c.health.Watch(ctx, &healthpb.HealthCheckRequest{})
	if err == nil {
		_, err = s.Recv()
	}
	if err != nil {
		fmt.Println(answer("", err))
		return
	}
	header, err := s.Header()
	fmt.Println(answer(from(header), err))
	go func() {
		for err == nil {
			_, err = s.Recv()
		}
		o.how = answer("", err)
		close(o.ended)
	}()
}

func (c *client) operation(name string) (context.Context, *operation) {
	ctx, cancel := context.WithCancel(context.Background())
	o := &operation{cancel: cancel, ended: make(chan struct{})}
	c.begun[name] = o
	return ctx, o
}

// ready is what a program does that serves only when its connection is there.
func ready(conn *grpc.ClientConn, limit string) connectivity.State {
	ctx, cancel := within(limit)
	defer cancel()
	state := conn.GetState()
	for state != connectivity.Ready && conn.WaitForStateChange(ctx, state) {
		state = conn.GetState()
	}
	return state
}

func within(limit string) (context.Context, context.CancelFunc) {
	d, err := time.ParseDuration(limit)
	if err != nil {
		log.Fatal(err)
	}
	return context.WithTimeout(context.Background(), d)
}

// from is the backend's address, which it says itself.
func from(header metadata.MD) string {
	return strings.Join(header["backend-address"], ",")
}

func answer(from string, err error) string {
	if err == nil {
		return "OK " + from
	}
	s := status.Convert(err)
	return s.Code().String() + " " + strings.Replace(s.Message(), "\n", " ", -1)
}
