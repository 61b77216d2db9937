package consulnaming

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"go.uber.org/goleak"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
	"github.com/grpcnaming/grpcnaming/internal/testlog"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
	"github.com/grpcnaming/grpcnaming/naming"
)

// How tests of this package wait.
const patience = testwait.Patience

var (
	testContext = testwait.Context
	eventually  = testwait.Until
)

// logged has what this package and grpc have logged in all tests so far.
var logged *testlog.Log

// real is one real agent for all tests that do not change it.
var real struct {
	once  sync.Once
	agent *consulagent.Agent
	err   error
}

func TestMain(m *testing.M) {
	// What the developer has set must not decide about tests.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CONSUL_") {
			os.Unsetenv(name)
		}
	}
	logged = testlog.Capture()
	code := m.Run()
	if real.agent != nil {
		if err := real.agent.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if err := goleak.Find(); code == 0 && err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func realAgent(t *testing.T) *consulagent.Agent {
	t.Helper()
	real.once.Do(func() { real.agent, real.err = consulagent.Start(context.Background(), consulagent.Config{}) })
	if real.err != nil {
		t.Fatalf("the real Consul (run `make consul`): %v", real.err)
	}
	return real.agent
}

// agent is what both kinds of Consul have.
type agent interface {
	Address() string
	Client() *api.Client
}

// onBoth runs f against the real Consul and the stand-in.
func onBoth(t *testing.T, f func(t *testing.T, a agent)) {
	t.Run("real", func(t *testing.T) { f(t, realAgent(t)) })
	t.Run("standin", func(t *testing.T) { f(t, standIn(t)) })
}

func standIn(t *testing.T) *consultest.Server {
	t.Helper()
	s := consultest.NewServer()
	t.Cleanup(s.Close)
	return s
}

// serviceName is unique per test, as the real agent is shared.
func serviceName(t *testing.T) string {
	return strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())
}

// register adds an instance without checks, hence healthy, until the test ends.
func register(t *testing.T, a agent, service, id, address string, port int, tags ...string) {
	t.Helper()
	err := a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: service + "-" + id, Name: service, Address: address, Port: port, Tags: tags,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Client().Agent().ServiceDeregister(service + "-" + id) })
}

func deregister(t *testing.T, a agent, service, id string) {
	t.Helper()
	if err := a.Client().Agent().ServiceDeregister(service + "-" + id); err != nil {
		t.Fatal(err)
	}
}

// watching resolves and closes the watcher when the test ends.
func watching(t *testing.T, r naming.Resolver) *watcher {
	t.Helper()
	w := resolveOrFail(t, r, "")
	t.Cleanup(w.Close)
	return w
}

// firstReason reads from w until a query fails, closes it and returns why.
func firstReason(t *testing.T, w *watcher) error {
	t.Helper()
	reasons := make(chan error, 1)
	w.OnError(func(err error) {
		select {
		case reasons <- err:
		default:
		}
	})
	done := drain(w)
	defer func() {
		w.Close()
		<-done
	}()
	select {
	case err := <-reasons:
		return err
	case <-time.After(patience):
		t.Fatalf("no reason is reported for %v", patience)
	}
	panic("unreachable")
}

// countConnections serves HTTP until the test ends, and counts how many
// connections are open.
func countConnections(t *testing.T, handle http.HandlerFunc) (url string, open *atomic.Int32) {
	t.Helper()
	open = new(atomic.Int32)
	server := httptest.NewUnstartedServer(handle)
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		switch s {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.Start()
	t.Cleanup(server.Close)
	return server.URL, open
}

// next returns what Next does, as "-a +b", and fails if it takes too long.
func next(t *testing.T, w naming.Watcher) string {
	t.Helper()
	type result struct {
		updates []*naming.Update
		err     error
	}
	done := make(chan result, 1)
	go func() {
		u, err := w.Next()
		done <- result{u, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			t.Fatalf("Next: %v", r.err)
		}
		return text(r.updates)
	case <-time.After(patience):
		t.Fatalf("Next has not returned after %v", patience)
	}
	panic("unreachable")
}

// nextLater calls Next, and passes on what it returns: "-a +b<nil>".
func nextLater(w naming.Watcher) <-chan string {
	got := make(chan string, 1)
	go func() {
		u, err := w.Next()
		got <- text(u) + fmt.Sprint(err)
	}()
	return got
}

func expectLater(t *testing.T, got <-chan string, want string) {
	t.Helper()
	select {
	case u := <-got:
		if u != want+"<nil>" {
			t.Fatalf("Next: %q, want %q", u, want)
		}
	case <-time.After(patience):
		t.Fatalf("Next has not returned after %v, want %q", patience, want)
	}
}

func text(updates []*naming.Update) string {
	var s []string
	for _, u := range updates {
		sign := "+"
		if u.Op == naming.Delete {
			sign = "-"
		}
		if u.Metadata != nil {
			s = append(s, fmt.Sprintf("%s%s[%v]", sign, u.Addr, u.Metadata))
		} else {
			s = append(s, sign+u.Addr)
		}
	}
	return strings.Join(s, " ")
}

func expect(t *testing.T, w naming.Watcher, want string) {
	t.Helper()
	if got := next(t, w); got != want {
		t.Fatalf("Next: %q, want %q", got, want)
	}
}

func drain(w naming.Watcher) (done chan struct{}) {
	done = make(chan struct{})
	go func() {
		defer close(done)
		for {
			if _, err := w.Next(); err != nil {
				return
			}
		}
	}()
	return done
}

func resolveOrFail(t *testing.T, r naming.Resolver, target string) *watcher {
	t.Helper()
	w, err := r.Resolve(target)
	if err != nil {
		t.Fatal(err)
	}
	return w.(*watcher)
}
