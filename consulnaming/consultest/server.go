package consultest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/hashicorp/consul/api"
)

// A Server stands in for a Consul agent. Its methods may be called from any
// goroutine at any time.
type Server struct {
	address   string
	http      *http.Server
	transport *http.Transport // of all clients that Client returns
	catalog   *catalog
	root      context.Context // ends with Close
	close     func()
	handlers  sync.WaitGroup // requests being handled
	serving   chan struct{}  // closed when the accept loop has ended

	mu     sync.Mutex // guards what follows; taken before no other lock
	closed bool
	token  string
	conns  map[net.Conn]struct{}
	faults []*Fault // the outermost last; pointers, for remove to compare
	epoch  context.Context
	end    context.CancelFunc // ends epoch, and with it the health queries in flight
	stats  Stats
	moved  chan struct{} // closed when stats change
}

// NewServer starts a server with an empty catalogue. The caller closes it. Like
// httptest.NewServer it panics when no loopback port can be had, the only
// thing that can go wrong: a test cannot do anything else about that either.
func NewServer() *Server {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(fmt.Sprintf("consultest: no loopback port to listen on: %v", err))
	}
	s := &Server{
		address:   listener.Addr().String(),
		transport: &http.Transport{},
		serving:   make(chan struct{}),
		conns:     make(map[net.Conn]struct{}),
		moved:     make(chan struct{}),
	}
	root, cancel := context.WithCancel(context.Background())
	s.root, s.close = root, sync.OnceFunc(func() { s.shutdown(cancel) })
	s.catalog = newCatalog(root)
	s.epoch, s.end = context.WithCancel(root)
	s.http = &http.Server{Handler: http.HandlerFunc(s.handle), ConnState: s.track}
	go func() {
		defer close(s.serving)
		s.http.Serve(listener) // ends with ErrServerClosed
	}()
	return s
}

// Address is where the server listens, "127.0.0.1:port", as api.Config.Address
// takes it.
func (s *Server) Address() string { return s.address }

// Client returns a client of this server that sends the token of SetToken. Of
// the CONSUL_* variables only CONSUL_NAMESPACE and CONSUL_PARTITION have an
// effect on it: the server refuses both. Its connections end with the server.
func (s *Server) Client() *api.Client {
	client, err := api.NewClient(&api.Config{
		Address:    s.address,
		Scheme:     "http",
		Token:      currentToken, // when empty, CONSUL_HTTP_TOKEN would be taken
		HttpClient: &http.Client{Transport: tokenTransport{s}},
	})
	if err != nil {
		panic(fmt.Sprintf("consultest: %v", err)) // nothing is read or dialled here
	}
	return client
}

// Close ends all queries and checks, closes all connections and waits for all
// goroutines. It may be called again.
func (s *Server) Close() { s.close() }

func (s *Server) shutdown(cancel func()) {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	cancel()
	s.http.Close()
	s.catalog.close()
	s.handlers.Wait()
	<-s.serving
}

// Register registers a service, as PUT /v1/agent/service/register does; the
// error says what that would have answered. A service that has the same ID is
// replaced.
func (s *Server) Register(service api.AgentServiceRegistration) error {
	body, err := json.Marshal(service)
	if err != nil {
		return fmt.Errorf("consultest: %w", err)
	}
	// The same way as over HTTP, so that both refuse the same things.
	var r registration
	if err := json.Unmarshal(body, &r); err != nil {
		return decodeError(err)
	}
	return s.catalog.register(r, false)
}

// Deregister removes a service and its checks, as
// PUT /v1/agent/service/deregister/:id does; an unknown id is an error.
func (s *Server) Deregister(id string) error { return s.catalog.deregister(id) }

// SetHealth sets all checks of a service to status: api.HealthPassing,
// api.HealthWarning or api.HealthCritical. A service that has no check gets one
// for the purpose. TTL checks start their time anew; a gRPC check keeps the
// status until it next runs. An unknown id is an error.
func (s *Server) SetHealth(id, status string) error { return s.catalog.setHealth(id, status) }

// Reset is a restart of an agent that keeps nothing: services and checks are
// gone, the index starts again from the beginning, and all connections are
// closed. Token, faults and Stats stay, since they belong to the test.
func (s *Server) Reset() {
	s.catalog.reset()
	s.DropConnections()
}

// DropConnections closes every connection that clients have open at the
// moment, with or without a query on it. New connections are accepted. Go's
// HTTP client repeats a GET by itself when a connection that it had used
// before breaks without an answer.
func (s *Server) DropConnections() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.conns {
		conn.Close()
	}
}

// track keeps the set of open connections.
func (s *Server) track(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.conns[conn] = struct{}{}
	case http.StateClosed, http.StateHijacked:
		delete(s.conns, conn)
	}
}
