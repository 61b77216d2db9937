package client

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"golang.org/x/net/context"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/naming"
	"google.golang.org/grpc/peer"

	"example.com/legacy/consullb"
	"example.com/legacy/mocks"
)

func serve(t *testing.T) (addr string, stop func()) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(s, health.NewServer())
	go s.Serve(l)
	return l.Addr().String(), s.Stop
}

func call(conn *grpc.ClientConn) (addr string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var p peer.Peer
	_, err = grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{}, grpc.FailFast(false), grpc.Peer(&p))
	if err != nil {
		return "", err
	}
	return p.Addr.String(), nil
}

// callsReach calls until each of addrs has been reached. A call that is on its
// way to a server that stops may fail.
func callsReach(t *testing.T, conn *grpc.ClientConn, addrs ...string) {
	missing := map[string]bool{}
	for _, a := range addrs {
		missing[a] = true
	}
	for deadline := time.Now().Add(10 * time.Second); len(missing) > 0; {
		addr, err := call(conn)
		delete(missing, addr)
		if time.Now().After(deadline) {
			t.Fatalf("no call reached %v: %v", missing, err)
		}
	}
}

func TestDialMocked(t *testing.T) {
	a, stopA := serve(t)
	defer stopA()
	b, stopB := serve(t)
	defer stopB()
	w := &mocks.MockWatcher{Updates: make(chan []*naming.Update, 1), Closed: make(chan struct{})}
	r := &mocks.MockResolver{Watcher: w}
	w.Updates <- []*naming.Update{{Op: naming.Add, Addr: a}, {Op: naming.Add, Addr: b}}
	conn, err := Dial(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	callsReach(t, conn, a, b)
	conn.Close()
	<-w.Closed
	if len(r.Targets) != 1 || r.Targets[0] != "service" {
		t.Errorf("targets %q", r.Targets)
	}
}

func TestDialConsul(t *testing.T) {
	a, stop := serve(t)
	defer stop()
	host, port, _ := net.SplitHostPort(a)
	ended := make(chan struct{})
	consul := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("index") != "" {
			<-ended // nothing changes
		}
		w.Header().Set("X-Consul-Index", "7")
		fmt.Fprintf(w, `[{"Service": {"Address": %q, "Port": %s}}]`, host, port)
	}))
	defer consul.Close()
	conn, err := Dial(consullb.NewConsulResolver(consul.Listener.Addr().String(), "svc"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	callsReach(t, conn, a)
	go conn.Close()
	close(ended)
}

func TestDialSticky(t *testing.T) {
	a, stopA := serve(t)
	defer stopA()
	b, stopB := serve(t)
	defer stopB()
	conn, err := DialSticky(b, a)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	callsReach(t, conn, b)
	stopB()
	callsReach(t, conn, a)
}
