package consulnaming

import (
	"errors"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	expect(t, watching(t, NewConsulResolver("", "svc")), "+10.0.0.1:80")
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
	t.Run("option", func(t *testing.T) {
		hidden(t, New(s.Client(), "svc", QueryOptions(&api.QueryOptions{Token: secret})), secret)
	})
}

func hidden(t *testing.T, r naming.Resolver, secret string) {
	t.Helper()
	log := logged.mark()
	w := resolveOrFail(t, r, "")
	reasons := make(chan error, 100)
	w.OnError(func(err error) { reasons <- err })
	done := drain(w)
	defer func() {
		w.Close()
		<-done
	}()
	select {
	case err := <-reasons:
		if !strings.Contains(err.Error(), "<hidden> is bad") {
			t.Errorf("reason %q", err)
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.Contains(e.Error(), secret) {
				t.Errorf("the token is in %q", e)
			}
		}
	case <-time.After(patience):
		t.Error("no reason is reported")
	}
	if text := log(); strings.Contains(text, secret) || !strings.Contains(text, "<hidden>") {
		t.Error("the token is in the log, or nothing is")
	}
}
