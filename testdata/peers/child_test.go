package peers

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// childEnv makes this binary a process with one ClientConn that makes RPCs, with a
// spec as its value, instead of running tests: what a client leaves behind, registers
// or breaks stays there.
const childEnv = "PEERS_CHILD"

// spec says whose ClientConn it is.
type spec struct {
	Client, Consul, Service string
	Tags                    []string
}

// call is a line that the process prints for each RPC.
type call struct {
	Began, Ended time.Time
	Addr         string // of the backend that has answered
	Code, Desc   string // if none has
}

const (
	// rpcTime is the deadline of each RPC, which is fail-fast.
	rpcTime = time.Second
	// pace is how often an RPC begins, one after the other.
	pace = 25 * time.Millisecond
)

// child makes RPCs until its standard input ends.
func child(text string) error {
	var s spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	client, ok := Find(s.Client)
	if !ok {
		return fmt.Errorf("no client %q", s.Client)
	}
	conn, err := client.Dial(s.Consul, s.Service, s.Tags)
	if err != nil {
		return err
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		_, _ = io.Copy(io.Discard, os.Stdin)
	}()
	say := json.NewEncoder(os.Stdout)
	next := time.NewTicker(pace)
	defer next.Stop()
	for {
		c := call{Began: time.Now()}
		ctx, cancel := context.WithTimeout(context.Background(), rpcTime)
		c.Addr, err = backend.Call(ctx, conn)
		cancel()
		c.Ended = time.Now()
		if err != nil {
			c.Code, c.Desc = status.Code(err).String(), status.Convert(err).Message()
		}
		if err := say.Encode(c); err != nil {
			return err
		}
		select {
		case <-next.C:
		case <-over:
			return nil
		}
	}
}
