package consulnaming

// Clients whose answers a test makes, or counts, itself.

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// roundTripper makes a Consul of a function, without a network, so that time can
// be the test's.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func clientOf(t *testing.T, f roundTripper) *api.Client {
	t.Helper()
	c, err := api.NewClient(&api.Config{Address: "consul.test:8500", HttpClient: &http.Client{Transport: f}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// requests records when queries were made, and with which parameters.
type requests struct {
	mu    sync.Mutex
	times []time.Time
	urls  []string
}

func (r *requests) add(req *http.Request) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.times = append(r.times, time.Now())
	r.urls = append(r.urls, req.URL.RawQuery)
	return len(r.times)
}

func (r *requests) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.times)
}

// await waits for a query with such an index, and returns that. The index of a
// query without one is 0.
func (r *requests) await(t *testing.T, is func(index uint64) bool) (index uint64) {
	t.Helper()
	eventually(t, "another index", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		for _, raw := range r.urls {
			q, _ := url.ParseQuery(raw)
			index, _ = strconv.ParseUint(q.Get("index"), 10, 64)
			if is(index) {
				return true
			}
		}
		return false
	})
	return index
}

// recorded returns a client of the agent at address, and what it sends.
func recorded(t *testing.T, address string) (*api.Client, *requests) {
	t.Helper()
	seen := &requests{}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := api.NewClient(&api.Config{Address: address, HttpClient: &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		seen.add(r)
		return transport.RoundTrip(r)
	})}})
	if err != nil {
		t.Fatal(err)
	}
	return c, seen
}

var errRefused = errors.New("connection refused")

func silent(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// oneAnswer answers once, and then nothing changes.
func oneAnswer(r *http.Request) (*http.Response, error) {
	if r.URL.Query().Get("index") != "" {
		return silent(r)
	}
	return reply(7, anInstance)
}
