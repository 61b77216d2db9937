package faults

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// door stands before a real agent, as a proxy that may be replaced by a fault of
// consultest's, or shut.
type door struct {
	listening string
	server    *http.Server
	transport *http.Transport
	handlers  sync.WaitGroup // requests being handled

	mu    sync.Mutex // guards what follows
	fault consultest.Fault
	epoch context.Context // ends when fault changes
	end   context.CancelFunc
}

// newDoor opens a door on a port of its own until the test ends.
func newDoor(t *testing.T, agent string) *door {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &door{listening: l.Addr().String(), transport: &http.Transport{MaxIdleConnsPerHost: 1}} // see NewConsulResolver
	d.epoch, d.end = context.WithCancel(context.Background())
	quiet := log.New(io.Discard, "", 0)
	through := &httputil.ReverseProxy{
		Rewrite:       func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: agent}) },
		Transport:     d.transport,
		FlushInterval: -1,
		ErrorLog:      quiet,
		// As if nobody was in between.
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) },
	}
	d.server = &http.Server{ErrorLog: quiet, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d.handlers.Add(1)
		defer d.handlers.Done()
		d.mu.Lock()
		fault, epoch := d.fault, d.epoch
		d.mu.Unlock()
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(epoch, cancel)()
		r = r.WithContext(ctx)
		if fault != nil {
			fault(w, r, through)
			return
		}
		through.ServeHTTP(w, r)
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = d.server.Serve(l) }) // ends with Close
	t.Cleanup(func() {
		d.set(nil)
		d.server.Close()
		serving.Wait()
		d.handlers.Wait()
		d.transport.CloseIdleConnections()
	})
	return d
}

// address is what clients take for the agent's.
func (d *door) address() string { return d.listening }

// set puts f into the way, or nothing, and ends the requests under way.
func (d *door) set(f consultest.Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.end()
	d.fault = f
	d.epoch, d.end = context.WithCancel(context.Background())
}

// reset breaks the connection before an answer.
func reset(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}
}
