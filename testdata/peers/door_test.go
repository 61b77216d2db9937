package peers

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
)

// door stands before an agent and counts queries. While it is shut it answers what an
// agent does that has too many connections from one address.
type door struct {
	server *httptest.Server

	mu      sync.Mutex // guards what follows
	shut    bool
	queries int
	epoch   context.Context // ends when shut changes
	end     context.CancelFunc
}

// newDoor opens a door on a port of its own until the test ends.
func newDoor(t *testing.T, agent string) *door {
	d := &door{}
	d.epoch, d.end = context.WithCancel(context.Background())
	transport := &http.Transport{}
	through := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: agent})
	through.Transport = transport
	through.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) } // as if nobody was in between
	d.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.mu.Lock()
		d.queries++
		shut, epoch := d.shut, d.epoch
		d.mu.Unlock()
		if shut {
			http.Error(w, "Your IP is issuing too many concurrent connections, please rate limit your calls", http.StatusTooManyRequests)
			return
		}
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(epoch, cancel)()
		through.ServeHTTP(w, r.WithContext(ctx))
	}))
	t.Cleanup(func() {
		d.set(false)
		d.server.Close()
		transport.CloseIdleConnections()
	})
	return d
}

func (d *door) address() string { return d.server.Listener.Addr().String() }

// set shuts or opens the door. Queries under way end without an answer, so that every
// client meets what is new.
func (d *door) set(shut bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end()
	d.shut = shut
	d.epoch, d.end = context.WithCancel(context.Background())
}

// count is how many queries have come.
func (d *door) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.queries
}
