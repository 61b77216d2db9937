package consulnaming

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/resolver"
)

// What the target says of the agent takes the place of the environment, part by part.
func TestAgentOfATarget(t *testing.T) {
	var secure, plain *httptest.Server
	handle := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		w.Header().Set("X-Consul-Index", "7")
		if r.URL.Query().Get("index") != "" {
			<-r.Context().Done()
			return
		}
		fmt.Fprintf(w, `[{"Node": {"Node": "n"}, "Service": {"ID": "token=%s user=%s:%s", "Address": "10.0.0.1", "Port": 80}}]`,
			r.Header.Get("X-Consul-Token"), user, password)
	})
	secure = httptest.NewUnstartedServer(handle)
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	plain = httptest.NewServer(handle)
	defer plain.Close()
	secureAddr, plainAddr := secure.Listener.Addr().String(), plain.Listener.Addr().String()
	for target, test := range map[string]struct {
		environment string // "NAME=value NAME=value"
		want        string // the ID, or in the error
	}{
		"consul://" + plainAddr + "/svc":                                 {"CONSUL_HTTP_TOKEN=env CONSUL_HTTP_AUTH=a:b", "token=env user=a:b"},
		"consul://" + plainAddr + "/svc?token=own":                       {"CONSUL_HTTP_TOKEN=env", "token=own user=:"},
		"consul://u:p%40w@" + plainAddr + "/svc":                         {"CONSUL_HTTP_AUTH=a:b", "token= user=u:p@w"},
		"consul://" + plainAddr + "/svc?scheme=http":                     {"CONSUL_HTTP_SSL=true", "token= user=:"},
		"consul:///svc?token=x":                                          {"CONSUL_HTTP_ADDR=" + plainAddr, "token=x user=:"},
		"consul:///svc?scheme=HTTP":                                      {"CONSUL_HTTP_ADDR=https://" + plainAddr, "token= user=:"},
		"consul://" + secureAddr + "/svc?scheme=https&insecure":          {"", "token= user=:"},
		"consul://" + secureAddr + "/svc?insecure=true":                  {"CONSUL_HTTP_SSL=true", "token= user=:"},
		"consul:///svc?scheme=https&insecure=1":                          {"CONSUL_HTTP_ADDR=" + secureAddr, "token= user=:"},
		"consul://" + secureAddr + "/svc?scheme=https":                   {"", "certificate"},
		"consul://" + secureAddr + "/svc?scheme=https&insecure=false":    {"CONSUL_HTTP_SSL_VERIFY=false", "certificate"},
		"consul://" + secureAddr + "/svc?scheme=https&max-backoff=250ms": {"CONSUL_HTTP_SSL_VERIFY=false", "token= user=:"},
	} {
		t.Run(target, func(t *testing.T) {
			for pair := range strings.FieldsSeq(test.environment) {
				name, value, _ := strings.Cut(pair, "=")
				t.Setenv(name, value)
			}
			cc, r := resolving(t, NewBuilder(), target)
			defer r.Close()
			switch what := cc.next(t).(type) {
			case resolver.State:
				if got := instanceAt(t, what, "10.0.0.1:80").ID; got != test.want {
					t.Errorf("the agent was asked with %q, want %q", got, test.want)
				}
			case error:
				if !strings.Contains(what.Error(), test.want) {
					t.Errorf("told %v, want %q", what, test.want)
				}
			}
		})
	}
}

// queryKey is that of the query that a target has.
func queryKey(t *testing.T, target string) key {
	t.Helper()
	_, r := resolving(t, NewBuilder(), target)
	defer r.Close()
	f := &r.(*nativeResolver).follower
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.query.key
}

// Who asks another agent, or as somebody else, or for something else, has a query of
// his own.
func TestWhatResolversShare(t *testing.T) {
	const target = "consul://127.0.0.1:1/svc?near=n&dc=b"
	for rest, shared := range map[string]bool{
		"": true, "&tag=": true, "&wait=1m&passing=true&stale=false": true, "&Limit=0": true,
		"&limit=2": false, "&timeout=1h": false, "&max-backoff=1s": false, "&token=x": false, "&scheme=https": false, "&insecure": false, "&tag=a": false,
		"&ns=a": false, "&passing=false": false, "&filter=a": false, "&stale": false, "&peer=a": false,
	} {
		if (queryKey(t, target) == queryKey(t, target+rest)) != shared {
			t.Errorf("%q shares the query of a target without: %v, want %v", rest, !shared, shared)
		}
	}
	t.Setenv("CONSUL_HTTP_SSL_VERIFY", "false")
	if a, b := queryKey(t, target), queryKey(t, target+"&insecure=false"); a == b {
		t.Error("one that verifies certificates shares the query of one that does not")
	}
}

// The first in the agent's order, of those whose health counts.
func TestLimitOfATarget(t *testing.T) {
	entry := func(port int, status string) string {
		return fmt.Sprintf(`{"Node": {"Node": "n"}, "Service": {"Address": "10.0.0.1", "Port": %d}, "Checks": [{"Status": %q}]}`, port, status)
	}
	answer := "[" + entry(3, "critical") + "," + entry(2, "passing") + "," + entry(1, "warning") + "]"
	for rest, want := range map[string]string{
		"limit=1&passing=false":  "10.0.0.1:3",
		"limit=2&passing=false":  "10.0.0.1:2 10.0.0.1:3",
		"limit=1&health=warning": "10.0.0.1:2",
		"limit=2&health=warning": "10.0.0.1:1 10.0.0.1:2",
		"limit=9&health=warning": "10.0.0.1:1 10.0.0.1:2",
	} {
		for name, opts := range map[string][]Option{"shared list": nil, "own list": {AddressFunc(serviceAddress)}} {
			client := clientOf(t, func(r *http.Request) (*http.Response, error) {
				if r.URL.Query().Get("index") != "" {
					return silent(r)
				}
				return reply(7, answer)
			})
			cc, r := resolving(t, NewBuilderWithClient(client, opts...), "consul:///svc?"+rest)
			if got := addressesOf(t, cc.state(t)); got != want {
				t.Errorf("%s, %s: State of %q, want %q", rest, name, got, want)
			}
			r.Close()
		}
	}
	a := realAgent(t) // which may know no distances
	s := serviceName(t)
	for i := range 3 {
		register(t, a, s, fmt.Sprint(i), "10.0.0.1", 1+i)
	}
	cc, _ := resolving(t, NewBuilder(), "consul://"+a.Address()+"/"+s+"?limit=2")
	if got := cc.state(t).Addresses; len(got) != 2 {
		t.Errorf("the real Consul: %v, want two", got)
	}
}

// "timeout" bounds a query, and "max-backoff" the time between two.
func TestTimesOfATarget(t *testing.T) {
	forbids := func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusForbidden, Header: http.Header{}, Body: http.NoBody}, nil
	}
	for _, test := range []struct {
		rest        string
		agent       roundTripper
		least, most int // queries in a minute
	}{
		{"", silent, 3, 6},
		{"?timeout=2s&max-backoff=1ms", silent, 29, 31},
		{"?timeout=20s", oneAnswer, 6, 6},
		{"?wait=20s", oneAnswer, 4, 4}, // with a sixteenth and ten seconds
		{"?wait=30s&timeout=10m", oneAnswer, 4, 4},
		{"?wait=1m", oneAnswer, 2, 2},
		{"", forbids, 6, 20},
		{"?max-backoff=1s", forbids, 60, 200},
		{"?max-backoff=1ms", forbids, 600, 615}, // no more than ten a second
	} {
		synctest.Test(t, func(t *testing.T) {
			var seen requests
			client := clientOf(t, func(r *http.Request) (*http.Response, error) {
				seen.add(r)
				return test.agent(r)
			})
			_, r := resolving(t, NewBuilderWithClient(client), "consul:///svc"+test.rest)
			time.Sleep(time.Minute - time.Millisecond)
			synctest.Wait()
			if n := seen.count(); n < test.least || n > test.most {
				t.Errorf("%q: %d queries in a minute, want %d to %d", test.rest, n, test.least, test.most)
			}
			r.Close()
			synctest.Wait()
		})
	}
}
