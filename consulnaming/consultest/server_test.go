package consultest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// newServer starts a stand-in for the time of the test.
func newServer(t *testing.T) (*consultest.Server, agent) {
	t.Helper()
	s := consultest.NewServer()
	t.Cleanup(s.Close)
	return s, agent{s.Client(), s.Address(), false}
}

// await waits for the server's stats, with a limit.
func await(t *testing.T, s *consultest.Server, condition func(consultest.Stats) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := s.Await(ctx, condition); err != nil {
		t.Fatal(err)
	}
}

func blocked(n int) func(consultest.Stats) bool {
	return func(st consultest.Stats) bool { return st.Blocked == n }
}

func open(n int) func(consultest.Stats) bool {
	return func(st consultest.Stats) bool { return st.Open == n }
}

func TestChangeWakesAllThatAreBlocked(t *testing.T) {
	s, a := newServer(t)
	const clients = 300 // more than a real agent takes from one address
	var pending []<-chan answer
	for range clients {
		pending = append(pending, a.start(t, "web", 1, time.Minute))
	}
	await(t, s, blocked(clients))
	if err := s.Register(api.AgentServiceRegistration{Name: "web", Port: 80}); err != nil {
		t.Fatal(err)
	}
	for _, p := range pending {
		if got := <-p; got.err != nil || len(got.entries) != 1 || got.index != 2 {
			t.Fatalf("got %+v", got)
		}
	}
	await(t, s, func(st consultest.Stats) bool {
		return st == consultest.Stats{Requests: clients, Queries: clients}
	})
}

func TestClientThatGoesEndsItsQuery(t *testing.T) {
	s, _ := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, _, err := s.Client().Health().Service("web", "", false, (&api.QueryOptions{WaitIndex: 1}).WithContext(ctx))
		done <- err
	}()
	await(t, s, blocked(1))
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	await(t, s, func(st consultest.Stats) bool { return st.Blocked == 0 && st.Open == 0 })
}

func TestCloseEndsWhatIsBlocked(t *testing.T) {
	s, a := newServer(t)
	pending := a.start(t, "web", 1, time.Minute)
	await(t, s, blocked(1))
	waiting := make(chan error, 1)
	go func() { waiting <- s.Await(t.Context(), blocked(99)) }()
	s.Close()
	if got := <-pending; got.err == nil {
		t.Errorf("a query outlived the server: %+v", got)
	}
	if err := <-waiting; err == nil || !strings.Contains(err.Error(), "closed") {
		t.Errorf("Await = %v, want one that says that the server is closed", err)
	}

	s.Close()
	s.DropConnections()
	s.Reset()
	s.Inject(consultest.Silence())()
	if err := s.Register(api.AgentServiceRegistration{Name: "web"}); err == nil {
		t.Error("Register after Close has no error")
	}
	if _, _, err := s.Client().Health().Service("web", "", false, nil); err == nil {
		t.Error("a query after Close has no error")
	}
}

func TestCloseWaitsForItsGoroutines(t *testing.T) {
	s, a := newServer(t)
	silent := newSilentListener(t)
	for i := range 50 { // checks that are under way
		if err := s.Register(api.AgentServiceRegistration{Name: fmt.Sprint("web", i), Check: &api.AgentServiceCheck{
			GRPC: silent, Interval: "1h"}}); err != nil {
			t.Fatal(err)
		}
	}
	a.start(t, "web", 1, time.Minute)
	await(t, s, blocked(1))
	s.Close()
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	for _, function := range []string{"catalog).probe", "Server).handle", "http.(*Server).Serve("} {
		if bytes.Contains(stacks, []byte(function)) {
			t.Errorf("%s is running after Close", function)
		}
	}
}

func TestCloseWaitsForAFault(t *testing.T) {
	s, a := newServer(t)
	var returned atomic.Bool
	s.Inject(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
		<-r.Context().Done()
		for range 1000 { // what it still has to do
			runtime.Gosched()
		}
		returned.Store(true)
	})
	a.start(t, "web", 0, 0)
	await(t, s, open(1))
	s.Close()
	if !returned.Load() {
		t.Error("Close returned before the fault did")
	}
}

func TestCloseAtOnce(t *testing.T) {
	consultest.NewServer().Close()
}

func TestReset(t *testing.T) {
	s, a := newServer(t)
	web := api.AgentServiceRegistration{Name: "web", Check: &api.AgentServiceCheck{TTL: "1h", Status: "passing"}}
	for port := range 3 {
		web.Port = port
		if err := s.Register(web); err != nil {
			t.Fatal(err)
		}
	}
	_, high := a.query(t, "web", 0, 0)
	requests := s.Stats().Requests
	pending := a.start(t, "web", high, time.Minute)
	await(t, s, blocked(1))

	s.Reset()
	// The connection broke. If the client has sent the query once more by
	// itself, it waits now, above the index of the new beginning.
	await(t, s, func(st consultest.Stats) bool {
		select {
		case got := <-pending:
			if got.err == nil {
				t.Errorf("answered by the old agent: %+v", got)
			}
			return true
		default:
			return st.Requests == requests+2 && st.Blocked == 1
		}
	})
	s.DropConnections()
	entries, low := a.query(t, "web", 0, 0)
	if len(entries) != 0 || low >= high {
		t.Errorf("%v at %d, want none, below %d", entries, low, high)
	}
	if services, err := a.Agent().Services(); err != nil || len(services) != 0 {
		t.Errorf("services = %v, %v", services, err)
	}
	if err := a.Agent().UpdateTTL("service:web", "", "pass"); err == nil {
		t.Error("the check is still there")
	}
	if err := s.Register(web); err != nil {
		t.Fatal(err)
	}
	if entries, again := a.query(t, "web", low, time.Minute); len(entries) != 1 || again <= low || again >= high {
		t.Errorf("%v at %d after %d, and %d before Reset", entries, again, low, high)
	}
}

func TestDropConnections(t *testing.T) {
	s, a := newServer(t)
	// The first request on a connection is one that Go's client does not repeat.
	pending := a.start(t, "web", 1, time.Minute)
	await(t, s, blocked(1))
	s.DropConnections()
	if got := <-pending; got.err == nil {
		t.Errorf("got %+v, want an error", got)
	}
	await(t, s, open(0))
	if entries, _ := a.query(t, "web", 0, 0); len(entries) != 0 {
		t.Errorf("entries = %v", entries)
	}
}

func TestToken(t *testing.T) {
	s, a := newServer(t)
	t.Setenv("CONSUL_HTTP_TOKEN", "from the environment")
	early := s.Client()
	sent := make(chan string, 1)
	remove := s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		sent <- r.Header.Get("X-Consul-Token")
		next.ServeHTTP(w, r)
	})
	if _, _, err := early.Health().Service("web", "", false, nil); err != nil || <-sent != "" {
		t.Errorf("before SetToken: %v, or a token was sent", err)
	}
	remove()
	s.SetToken("secret")

	for _, client := range []*api.Client{early, s.Client()} {
		if _, _, err := client.Health().Service("web", "", false, nil); err != nil {
			t.Errorf("Client: %v", err)
		}
		_, _, err := client.Health().Service("web", "", false, &api.QueryOptions{Token: "wrong"})
		if err == nil || err.Error() != "Unexpected response code: 403 (ACL not found)" {
			t.Errorf("wrong token: %v", err)
		}
	}
	for _, request := range []struct{ method, path, want string }{
		{"GET", "/v1/health/service/web", `Permission denied: anonymous token lacks permission 'service:read' on "web"`},
		{"PUT", "/v1/agent/service/deregister/web", `Permission denied: anonymous token lacks permission 'service:write' on "web"`},
	} {
		if code, text := a.send(t, request.method, request.path, ""); code != 403 || !strings.HasPrefix(text, request.want) {
			t.Errorf("no token: %d %s", code, text)
		}
	}
	bearer, err := http.NewRequest("GET", "http://"+s.Address()+"/v1/status/leader", nil)
	if err != nil {
		t.Fatal(err)
	}
	bearer.Header.Set("Authorization", "Bearer secret")
	response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(bearer)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 {
		t.Errorf("bearer: %s", response.Status)
	}

	s.SetToken("")
	if code, text := a.send(t, "GET", "/v1/health/service/web", ""); code != 200 {
		t.Errorf("without SetToken: %d %s", code, text)
	}
}

func TestClientIgnoresTheEnvironment(t *testing.T) {
	t.Setenv("CONSUL_HTTP_ADDR", "192.0.2.1:1")
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", "/nonexistent")
	t.Setenv("CONSUL_HTTP_SSL", "true")
	t.Setenv("CONSUL_CACERT", "/nonexistent")
	t.Setenv("HTTP_PROXY", "http://192.0.2.1:1")
	s := consultest.NewServer()
	defer s.Close()
	if _, err := s.Client().Status().Leader(); err != nil {
		t.Error(err)
	}
	t.Setenv("CONSUL_NAMESPACE", "team")
	if _, _, err := s.Client().Health().Service("web", "", false, nil); err == nil || !strings.Contains(err.Error(), `"ns"`) {
		t.Errorf("with a namespace: %v, want an error that names it", err)
	}
}

func TestAwait(t *testing.T) {
	s, _ := newServer(t)
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Await(ctx, func(consultest.Stats) bool { cancel(); return false })
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), s.Address()) || !strings.Contains(err.Error(), "Queries:0") {
		t.Errorf("err = %v, want the address and the stats", err)
	}
	// True at once is enough, whatever the context says.
	if err := s.Await(ctx, func(consultest.Stats) bool { return true }); err != nil {
		t.Error(err)
	}
	// A condition may use the server.
	if err := s.Await(t.Context(), func(st consultest.Stats) bool { return s.Stats() == st }); err != nil {
		t.Error(err)
	}
}
