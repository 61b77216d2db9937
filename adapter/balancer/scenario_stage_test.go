package balancer_test

// What code written against the old API sees, in words. The same files, with grpc's own
// balancer and base in place of this module's, run with grpc-go v1.29.1 in
// testdata/balancer1291, and wrote testdata/v1.29.1 there.

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
)

// stage is where a scenario runs: servers A, B and C, one ClientConn, one transcript.
type stage struct {
	*testing.T
	mu      sync.Mutex // guards what follows
	lines   []string
	servers map[string]*server
}

type server struct {
	name, addr string
	*grpc.Server
	health *health.Server
}

// newStage is a stage whose transcript is compared to that of v1.29.1 in the end.
func newStage(t *testing.T) *stage {
	s := &stage{T: t}
	t.Cleanup(s.compare)
	return s.open()
}

// open starts the servers.
func (s *stage) open() *stage {
	s.servers = make(map[string]*server)
	for _, name := range []string{"A", "B", "C"} {
		s.serve(name, "127.0.0.1:0")
	}
	return s
}

// serve starts a server that says its name. One that was stopped has its port again.
func (s *stage) serve(name, addr string) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		s.Fatal(err)
	}
	sign := func(ctx context.Context, req interface{}, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (interface{}, error) {
		if err := grpc.SetHeader(ctx, metadata.Pairs("server", name)); err != nil {
			return nil, err
		}
		return h(ctx, req)
	}
	srv := &server{name, l.Addr().String(), grpc.NewServer(grpc.UnaryInterceptor(sign)), health.NewServer()}
	healthpb.RegisterHealthServer(srv.Server, srv.health)
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = srv.Serve(l)
	}()
	s.Cleanup(func() { srv.Stop(); <-served })
	s.servers[name] = srv
}

var refused = regexp.MustCompile(`connection error: .*refused"?`)

// say writes a line, with the names of servers for their addresses.
func (s *stage) say(format string, args ...interface{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line := fmt.Sprintf(format, args...)
	for _, srv := range s.servers {
		line = strings.Replace(line, srv.addr, "<"+srv.name+">", -1)
	}
	// The texts around it are not the same.
	line = refused.ReplaceAllString(line, "connection error: refused")
	s.lines = append(s.lines, line)
}

func (s *stage) addr(names ...string) []resolver.Address {
	list := []resolver.Address{}
	for _, n := range names {
		list = append(list, resolver.Address{Addr: s.servers[n].addr})
	}
	return list
}

// compare wants the lines that v1.29.1 wrote, or writes them.
func (s *stage) compare() {
	if s.Failed() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	got := strings.Join(s.lines, "\n") + "\n"
	dir := os.Getenv("TRANSCRIPTS") // set by testdata/balancer1291
	if dir == "" {
		dir = "testdata/v1.29.1"
	}
	file := filepath.Join(dir, s.Name()+".txt")
	if os.Getenv("UPDATE_TRANSCRIPTS") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			s.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		s.Fatal(err)
	}
	if got != string(want) {
		s.Errorf("not what v1.29.1 did:\n%s\nbut:\n%s", want, got)
	}
}

// wait polls until ok.
func (s *stage) wait(what string, ok func() bool) {
	s.Helper()
	for deadline := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.Fatalf("waited in vain until %s; so far:\n%s", what, strings.Join(s.lines, "\n"))
		}
	}
}
