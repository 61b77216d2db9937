package consultest_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

func TestFaultsAsTheClientSeesThem(t *testing.T) {
	for _, test := range []struct {
		name  string
		fault consultest.Fault
		want  string // in the error
	}{
		{"500", consultest.Status(500, "No cluster leader"), "500 (No cluster leader)"},
		{"429", consultest.Status(429, "slow down"), "429 (slow down)"},
		{"403", consultest.Status(403, "Permission denied"), "403 (Permission denied)"},
		{"HTML", consultest.Body("text/html", "<html>sign in</html>"), "invalid character '<'"},
		{"malformed", consultest.Body("application/json", `[{"Node":`), "unexpected EOF"},
		{"cut to nothing", consultest.CutBody(0), "EOF"},
		{"cut", consultest.CutBody(100), "unexpected EOF"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s, a := newServer(t)
			if err := s.Register(api.AgentServiceRegistration{Name: "web", Port: 80}); err != nil {
				t.Fatal(err)
			}
			remove := s.Inject(test.fault)
			_, _, err := a.Health().Service("web", "", false, nil)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("err = %v, want %q in it", err, test.want)
			}
			if _, err := a.Agent().Services(); err != nil {
				t.Errorf("not a health query: %v", err)
			}
			remove()
			remove()
			if entries, _ := a.query(t, "web", 0, 0); len(entries) != 1 {
				t.Errorf("after removal: %v", entries)
			}
		})
	}
}

func TestBodyAndStatusOnTheWire(t *testing.T) {
	s, _ := newServer(t)
	get := func() (*http.Response, string) {
		t.Helper()
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + s.Address() + "/v1/health/service/web")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response, string(body)
	}
	s.Inject(consultest.Body("text/html", "<p>"))
	if r, body := get(); r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/html" || body != "<p>" || r.Header.Get("X-Consul-Index") != "" {
		t.Errorf("Body: %v %q", r, body)
	}
	s.Inject(consultest.Status(503, "later"))
	if r, body := get(); r.StatusCode != 503 || body != "later" {
		t.Errorf("Status, injected last: %v %q", r, body)
	}
}

func TestIndexFault(t *testing.T) {
	for _, test := range []struct {
		value string
		want  uint64
	}{
		{"", 0}, {"0", 0}, {"7", 7}, {"18446744073709551615", 1<<64 - 1}, {"not a number", 0}, {"-1", 0},
	} {
		s, a := newServer(t)
		if err := s.Register(api.AgentServiceRegistration{Name: "web"}); err != nil {
			t.Fatal(err)
		}
		s.Inject(consultest.Index(test.value))
		entries, meta, err := a.Health().Service("web", "", false, nil)
		if err != nil || len(entries) != 1 || meta.LastIndex != test.want {
			t.Errorf("Index(%q): %v, %+v, %v", test.value, entries, meta, err)
		}
		s.Close()
	}
}

func TestCutBodyCutsTheRealAnswer(t *testing.T) {
	s, a := newServer(t)
	if err := s.Register(api.AgentServiceRegistration{Name: "web", Port: 80}); err != nil {
		t.Fatal(err)
	}
	_, whole := a.send(t, "GET", "/v1/health/service/web", "")
	for _, n := range []int{1, len(whole) - 1, len(whole), len(whole) + 1} {
		remove := s.Inject(consultest.CutBody(n))
		conn, err := net.Dial("tcp", s.Address())
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(conn, "GET /v1/health/service/web HTTP/1.1\r\nHost: x\r\n\r\n")
		raw, _ := io.ReadAll(conn) // ends because the server closes
		conn.Close()
		_, body, _ := strings.Cut(string(raw), "\r\n\r\n")
		if want := whole[:min(n, len(whole))]; body != want {
			t.Errorf("CutBody(%d) = %q, want %q", n, body, want)
		}
		remove()
	}
}

func TestSilence(t *testing.T) {
	t.Run("until removed", func(t *testing.T) {
		s, a := newServer(t)
		remove := s.Inject(consultest.Silence())
		pending := a.start(t, "web", 0, 0)
		await(t, s, open(1))
		remove()
		if got := <-pending; got.err == nil {
			t.Errorf("got %+v, want a broken connection", got)
		}
		a.query(t, "web", 0, 0)
	})
	t.Run("until the client goes", func(t *testing.T) {
		s, a := newServer(t)
		s.Inject(consultest.Silence())
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, _, err := a.Health().Service("web", "", false, (&api.QueryOptions{}).WithContext(ctx))
			done <- err
		}()
		await(t, s, open(1))
		cancel()
		if err := <-done; err == nil {
			t.Error("no error")
		}
		await(t, s, open(0))
	})
	t.Run("until Close", func(t *testing.T) {
		s, a := newServer(t)
		s.Inject(consultest.Silence())
		pending := a.start(t, "web", 0, 0)
		await(t, s, open(1))
		s.Close()
		if got := <-pending; got.err == nil {
			t.Errorf("got %+v", got)
		}
	})
	t.Run("until DropConnections", func(t *testing.T) {
		s, a := newServer(t)
		s.Inject(consultest.Silence())
		pending := a.start(t, "web", 0, 0)
		await(t, s, open(1))
		s.DropConnections()
		if got := <-pending; got.err == nil {
			t.Errorf("got %+v", got)
		}
	})
}

func TestInjectIsMetAtOnceByWhoIsBlocked(t *testing.T) {
	s, a := newServer(t)
	a.query(t, "other", 0, 0) // a connection that the client takes for reliable
	pending := a.start(t, "web", 1, time.Minute)
	await(t, s, blocked(1))
	s.Inject(consultest.Status(500, "boom"))
	// Whether the client repeats the query by itself is its own affair: what
	// it reports is the fault, or the broken connection.
	if got := <-pending; got.err == nil {
		t.Errorf("got %+v", got)
	}
	if _, _, err := a.Health().Service("web", "", false, &api.QueryOptions{WaitIndex: 1}); err == nil || !strings.Contains(err.Error(), "boom") {
		t.Errorf("the next query: %v", err)
	}
}

func TestRemoveEndsWhatAFaultLetsThrough(t *testing.T) {
	s, a := newServer(t)
	remove := s.Inject(consultest.Index("5"))
	pending := a.start(t, "web", 1, time.Minute)
	await(t, s, blocked(1))
	remove()
	if got := <-pending; got.err == nil {
		t.Errorf("got %+v: an answer with the fault after its removal", got)
	}
}

func TestFaultOfOnesOwn(t *testing.T) {
	s, a := newServer(t)
	var seen []string
	s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		seen = append(seen, "inner "+r.URL.Path)
		next.ServeHTTP(w, r)
	})
	remove := s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		seen = append(seen, "outer")
		next.ServeHTTP(w, r)
	})
	a.query(t, "web", 0, 0)
	await(t, s, open(0))
	remove()
	a.query(t, "api", 0, 0)
	await(t, s, open(0))
	want := "outer, inner /v1/health/service/web, inner /v1/health/service/api"
	if got := strings.Join(seen, ", "); got != want {
		t.Errorf("seen = %s, want %s", got, want)
	}
}

// newSilentListener takes connections and says nothing on them.
func newSilentListener(t *testing.T) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() }) // the kernel completes connections by itself
	return listener.Addr().String()
}
