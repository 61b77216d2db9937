package consulnaming

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/naming"
)

// The signature is the article's.
var _ func(address, service string) naming.Resolver = NewConsulResolver

// "With service "" the target names the service"; otherwise it is ignored.
func TestServiceOrTarget(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	for _, test := range []struct{ service, target string }{{"svc", ""}, {"svc", "other"}, {"", "svc"}} {
		for _, r := range []naming.Resolver{NewConsulResolver(s.Address(), test.service), New(s.Client(), test.service)} {
			w := resolveOrFail(t, r, test.target)
			expect(t, w, "+10.0.0.1:80")
			w.Close()
		}
	}
	for _, r := range []naming.Resolver{NewConsulResolver(s.Address(), ""), New(s.Client(), "")} {
		if _, err := r.Resolve(""); !errors.Is(err, errNoService) {
			t.Errorf("Resolve without any service: %v", err)
		}
	}
}

func TestResolveErrors(t *testing.T) {
	if _, err := New(nil, "svc").Resolve(""); !errors.Is(err, errNilClient) {
		t.Errorf("nil client: %v", err)
	}
	_, err := NewConsulResolver("gopher://somewhere", "svc").Resolve("")
	if err == nil || !strings.Contains(err.Error(), `"svc"`) || !strings.Contains(err.Error(), "gopher") {
		t.Errorf("unknown scheme: %v, want an error with service and address", err)
	}
	t.Setenv("CONSUL_CACERT", filepath.Join(t.TempDir(), "none.pem"))
	t.Setenv("CONSUL_HTTP_SSL", "true")
	if _, err := NewConsulResolver("127.0.0.1:1", "svc").Resolve(""); err == nil {
		t.Error("a CONSUL_CACERT that does not exist is no error")
	}
}

// "Builds the client from api.DefaultConfig() (so CONSUL_HTTP_TOKEN ... count)
// with Address set; "" means the default agent."
func TestEnvironment(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	s.SetToken("secret")
	t.Setenv("CONSUL_HTTP_TOKEN", "secret")
	expect(t, watching(t, NewConsulResolver(s.Address(), "svc")), "+10.0.0.1:80")
	t.Setenv("CONSUL_HTTP_ADDR", s.Address())
	w := watching(t, NewConsulResolver("", "svc"))
	if want := "agent " + s.Address(); w.query.agent != want {
		t.Errorf("errors are about %q, want %q", w.query.agent, want)
	}
	expect(t, w, "+10.0.0.1:80")
	expect(t, watching(t, NewConsulResolver("http://"+s.Address(), "svc")), "+10.0.0.1:80")

	t.Setenv("CONSUL_HTTP_TOKEN", "")
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONSUL_HTTP_TOKEN_FILE", file)
	expect(t, watching(t, NewConsulResolver("", "svc")), "+10.0.0.1:80")
}

func TestUnixSocket(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	dir, err := os.MkdirTemp("", "grpcnaming") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	l, err := net.Listen("unix", filepath.Join(dir, "consul.sock"))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: s.Address()})
	proxy.Transport = transport
	server := &http.Server{Handler: proxy}
	go server.Serve(l)
	defer server.Close()
	w := watching(t, NewConsulResolver("unix://"+l.Addr().String(), "svc"))
	expect(t, w, "+10.0.0.1:80")
	w.Close()
}

// "Tokens never appear in a log or error", not even when somebody on the way
// quotes them.
func TestTokensAreHidden(t *testing.T) {
	const secret = "5ec7e7-70ken"
	s := standIn(t)
	s.Inject(consultest.Status(http.StatusForbidden, "token "+secret+" is bad"))
	t.Run("environment", func(t *testing.T) {
		t.Setenv("CONSUL_HTTP_TOKEN", secret)
		hidden(t, NewConsulResolver(s.Address(), "svc"), secret)
		hidden(t, New(s.Client(), "svc"), secret)
	})
	t.Run("token file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(file, []byte(secret+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("CONSUL_HTTP_TOKEN_FILE", file)
		hidden(t, NewConsulResolver(s.Address(), "svc"), secret)
		hidden(t, New(s.Client(), "svc"), secret)
	})
	t.Run("basic auth", func(t *testing.T) {
		t.Setenv("CONSUL_HTTP_AUTH", "user:"+secret)
		hidden(t, NewConsulResolver(s.Address(), "svc"), secret)
	})
	t.Run("Resolve", func(t *testing.T) { // quotes the file that is not there
		t.Setenv("CONSUL_HTTP_TOKEN", secret)
		t.Setenv("CONSUL_CACERT", filepath.Join(t.TempDir(), secret))
		_, err := NewConsulResolver("https://"+s.Address(), "svc").Resolve("")
		if text := fmt.Sprint(err); strings.Contains(text, secret) || !strings.Contains(text, hiddenText) {
			t.Errorf("Resolve: %v", err)
		}
	})
	t.Run("option", func(t *testing.T) {
		hidden(t, New(s.Client(), "svc", QueryOptions(&api.QueryOptions{Token: secret})), secret)
	})
}

func TestSecrets(t *testing.T) {
	const token = "8b5d2e0e-3f5a-4d0c-9a52-5c6d1f6d7a10"
	s := secrets{"", "pa55"}
	for in, want := range map[string]string{
		"":                                "",
		"token pa55, pa55":                "token <hidden>, <hidden>",
		"token " + token + " not found":   "token <hidden> not found",
		"AccessorID '" + token + "'":      "AccessorID '" + token + "'",
		"accessor ID " + token + " lacks": "accessor ID " + token + " lacks",
	} {
		if got := s.hide(in); got != want {
			t.Errorf("hide(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"127.0.0.1:8500":              "127.0.0.1:8500",
		"https://user:pa55@host:8501": "https://user:<hidden>@host:8501",
		"user:pa55@host:8500":         "user:<hidden>@host:8500",
		"unix:///run/consul.sock":     "unix:///run/consul.sock",
	} {
		if got := addressSecrets(in).hide(in); got != want {
			t.Errorf("the address %q is shown as %q, want %q", in, got, want)
		}
	}
}

// A secret that is far back in a reason that is cut, too.
func TestLongReasonHidesTokens(t *testing.T) {
	s := standIn(t)
	s.Inject(consultest.Status(500, strings.Repeat("ü", errorLength/2-30)+" 5ec7e7-70ken is bad"+strings.Repeat("ü", 1<<16)))
	hidden(t, New(s.Client(), "svc", QueryOptions(&api.QueryOptions{Token: "5ec7e7-70ken"})), "5ec7e7-70ken")
}

func hidden(t *testing.T, r naming.Resolver, secrets ...string) {
	t.Helper()
	log := logged.Mark()
	err := firstReason(t, resolveOrFail(t, r, ""))
	if !strings.Contains(err.Error(), hiddenText) {
		t.Errorf("reason %q", err)
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if shows(e.Error(), secrets) {
			t.Errorf("a secret is in %q", e)
		}
	}
	if text := log(); shows(text, secrets) || !strings.Contains(text, hiddenText) {
		t.Errorf("a secret is in the log, or nothing is: %s", text)
	}
}

func shows(text string, secrets []string) bool {
	return slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(text, s) })
}

// The connections of a client of our own end with the watcher, whether a query uses
// them or not.
func TestCloseEndsConnections(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		failed bool // the watcher waits to try again
	}{
		"idle": {func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "No cluster leader", http.StatusInternalServerError)
		}, true},
		"in use": {func(_ http.ResponseWriter, r *http.Request) {
			<-r.Context().Done() // blocks
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			url, open := countConnections(t, test.answer)
			w := resolveOrFail(t, NewConsulResolver(url, "svc"), "")
			reasons := make(chan error, 100)
			w.OnError(func(err error) { reasons <- err })
			done := drain(w)
			if test.failed {
				<-reasons
			}
			eventually(t, "there is a connection", func() bool { return open.Load() == 1 })
			w.Close()
			<-done
			eventually(t, "the connection is closed", func() bool { return open.Load() == 0 })
		})
	}
}
