package consulnaming

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// An agent that has been restarted empty would block on the index of before, if
// net/http sent the query in flight once more.
func TestRestartedAtOnce(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	w := watching(t, NewConsulResolver(s.Address(), "svc"))
	expect(t, w, "+10.0.0.1:80")
	got := nextLater(w)
	if err := s.Await(testContext(t), func(st consultest.Stats) bool { return st.Blocked == 1 }); err != nil {
		t.Fatal(err)
	}
	s.Reset()
	expectLater(t, got, "-10.0.0.1:80")
}

// nothingYet is what a server says that begins to read its log.
func nothingYet(w http.ResponseWriter) {
	w.Header().Set("X-Consul-Index", "1")
	w.Header().Set("X-Consul-LastContact", "0") // package api reads no further without
	io.WriteString(w, "[]")
}

// A server that has been restarted, or has come to lead, answers while it still
// reads its log: with what was long ago, at an index of then. Who has seen more
// believes the leader's consistent read only, whatever he asks for otherwise.
func TestServerReadsItsLog(t *testing.T) {
	for name, o := range map[string]api.QueryOptions{
		"default": {}, "stale": {AllowStale: true}, "cached": {UseCache: true}, "consistent": {RequireConsistent: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := standIn(t)
			register(t, s, "svc", "a", "10.0.0.1", 80)
			register(t, s, "svc", "b", "10.0.0.2", 80)
			w := watching(t, New(s.Client(), "svc", QueryOptions(&o)))
			expect(t, w, "+10.0.0.1:80 +10.0.0.2:80")
			asked := make(chan string, 100)
			remove := s.Inject(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
				if r.URL.Query().Has("consistent") {
					asked <- r.URL.Query().Get("index")
					next.ServeHTTP(rw, r)
					return
				}
				nothingYet(rw)
			})
			got := nextLater(w)
			for range 2 { // from the first follows no change
				select {
				case u := <-got:
					t.Fatalf("Next: %s", u)
				case index := <-asked:
					if index != "" && !o.RequireConsistent {
						t.Errorf("a consistent read with index %s", index)
					}
				case <-time.After(patience):
					t.Fatal("no consistent read")
				}
				if o.RequireConsistent {
					break // then blocks
				}
			}
			remove()
			deregister(t, s, "svc", "a")
			expectLater(t, got, "-10.0.0.1:80")
		})
	}
}

// Nor does a watch believe it that begins, which knows of nothing better: what is
// known from an earlier one would go. Who asks for stale or cached answers gets them
// also from a Consul that has no leader.
func TestFirstAnswerIsTheLeaders(t *testing.T) {
	for name, o := range map[string]api.QueryOptions{
		"": {}, "stale": {AllowStale: true}, "cached": {UseCache: true}, "consistent": {RequireConsistent: true},
	} {
		s := standIn(t)
		register(t, s, "svc", "a", "10.0.0.1", 80)
		s.Inject(func(rw http.ResponseWriter, r *http.Request, next http.Handler) {
			if name == "" && !r.URL.Query().Has("consistent") {
				nothingYet(rw)
				return
			}
			if name != "" && (!r.URL.Query().Has(name) || name != "consistent" && r.URL.Query().Has("consistent")) {
				t.Errorf("%s: asked for %s", name, r.URL.RawQuery)
			}
			next.ServeHTTP(rw, r)
		})
		expect(t, watching(t, New(s.Client(), "svc", QueryOptions(&o))), "+10.0.0.1:80")
	}
}

// How far the servers had come is not forgotten with the index, which the next query
// does without after an error, or when an answer names no instance.
func TestServerReadsItsLogLater(t *testing.T) {
	for name, between := range map[string]func() (*http.Response, error){
		"after an error":     func() (*http.Response, error) { return nil, errRefused },
		"after no instances": func() (*http.Response, error) { return reply(100, "[]") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var seen requests
				client := clientOf(t, func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(time.Millisecond): // the answer before has been looked at
					case <-r.Context().Done():
					}
					switch n, leader := seen.add(r), r.URL.Query().Has("consistent"); {
					case n == 1:
						return reply(100, anInstance)
					case n == 2:
						return between()
					case n == 3:
						return reply(50, strings.ReplaceAll(anInstance, "10.0.0.1", "10.0.0.9"))
					case n == 4 && leader:
						return reply(101, strings.ReplaceAll(anInstance, "10.0.0.1", "10.0.0.2"))
					}
					return silent(r)
				})
				w := watching(t, New(client, "svc"))
				expect(t, w, "+10.0.0.1:80")
				expect(t, w, "-10.0.0.1:80 +10.0.0.2:80") // and never 10.0.0.9
			})
		})
	}
}

// Nobody can confirm while there is no leader: what is known stays, and what the
// next leader says counts, be it less. Until then nobody else is asked.
func TestServerHasNoLeader(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	w := watching(t, New(s.Client(), "svc", QueryOptions(&api.QueryOptions{AllowStale: true})))
	reasons := make(chan error, 100)
	w.OnError(func(err error) { reasons <- err })
	expect(t, w, "+10.0.0.1:80")
	var others atomic.Int32 // have answered
	remove := s.Inject(func(rw http.ResponseWriter, r *http.Request, _ http.Handler) {
		if r.URL.Query().Has("consistent") {
			http.Error(rw, "No cluster leader", http.StatusInternalServerError)
			return
		}
		others.Add(1)
		nothingYet(rw)
	})
	got := nextLater(w)
	for range 2 {
		select {
		case u := <-got:
			t.Fatalf("Next: %s", u)
		case <-reasons:
		case <-time.After(patience):
			t.Fatal("nobody says that there is no leader")
		}
	}
	if n := others.Load(); n != 1 {
		t.Errorf("%d queries that are no consistent reads, want the one at which the index went back", n)
	}
	s.Reset()
	remove()
	expectLater(t, got, "-10.0.0.1:80")
}

// A redirect is no reason to ask anew.
func TestRedirected(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+s.Address()+r.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer front.Close()
	w := watching(t, NewConsulResolver(front.URL, "svc"))
	expect(t, w, "+10.0.0.1:80")
	got := nextLater(w)
	if err := s.Await(testContext(t), func(st consultest.Stats) bool { return st.Blocked == 1 }); err != nil {
		t.Fatal(err)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expectLater(t, got, "+10.0.0.2:80")
}

// Where an agent redirects to is another's matter, or everybody's where TLS is left:
// the token is for the agent.
func TestRedirectKeepsToken(t *testing.T) {
	t.Setenv("CONSUL_HTTP_TOKEN", "5ec7e7-70ken")
	t.Setenv("CONSUL_HTTP_AUTH", "user:5ec7e7")
	t.Setenv("CONSUL_HTTP_SSL_VERIFY", "false")
	plain, secure := httptest.NewServer, httptest.NewTLSServer
	for _, test := range []struct {
		name         string
		front, other func(http.Handler) *httptest.Server
		host         string
		keeps        bool
	}{
		{"the same host", plain, plain, "127.0.0.1", true},
		{"to TLS", plain, secure, "127.0.0.1", true},
		{"within TLS", secure, secure, "127.0.0.1", true},
		{"out of TLS", secure, plain, "127.0.0.1", false},
		{"another host", plain, plain, "localhost", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			sent := make(chan string, 100)
			other := test.other(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				sent <- r.Header.Get("X-Consul-Token") + r.Header.Get("Authorization")
				w.Header().Set("X-Consul-Index", "1")
				io.WriteString(w, "[]")
			}))
			defer other.Close()
			to := strings.Replace(other.URL, "127.0.0.1", test.host, 1)
			front := test.front(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, to+r.URL.String(), http.StatusTemporaryRedirect)
			}))
			defer front.Close()
			w := resolveOrFail(t, NewConsulResolver(front.URL, "svc"), "")
			defer w.Close()
			expect(t, w, "")
			if got := <-sent; (got != "") != test.keeps {
				t.Errorf("the secrets that are sent are %q", got)
			}
		})
	}
}

// A redirect that leads back to itself is followed ten times, and is an error.
func TestRedirectedInCircles(t *testing.T) {
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.String(), http.StatusTemporaryRedirect)
	}))
	defer front.Close()
	if err := firstReason(t, resolveOrFail(t, NewConsulResolver(front.URL, "svc"), "")); !strings.Contains(err.Error(), "redirected ten times") {
		t.Errorf("reason %q", err)
	}
}
