package consultest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"

	"github.com/hashicorp/consul/api"
)

// A Server stands in for a Consul agent. Its methods may be called from any
// goroutine at any time.
type Server struct {
	http    *httptest.Server
	catalog *catalog
	root    context.Context // ends with Close
	close   func()

	mu     sync.Mutex // guards what follows; no other lock is taken under it
	token  string
	faults []*Fault // the outermost last; pointers, for remove to compare
	epoch  context.Context
	end    context.CancelFunc // ends epoch, and with it the health queries in flight
	stats  Stats
	moved  chan struct{} // closed when stats change
}

// NewServer starts a server with an empty catalogue. The caller closes it. Like
// httptest.NewServer it panics if it gets no loopback port: a test cannot do
// anything else about that either.
func NewServer() *Server {
	root, cancel := context.WithCancel(context.Background())
	s := newServer(root)
	s.http = httptest.NewServer(http.HandlerFunc(s.handle))
	s.close = sync.OnceFunc(func() {
		cancel()
		s.http.CloseClientConnections()
		s.http.Close() // waits for the handlers
		s.catalog.close()
	})
	return s
}

// newServer returns a server that does not listen.
func newServer(root context.Context) *Server {
	s := &Server{catalog: newCatalog(root), root: root, moved: make(chan struct{})}
	s.epoch, s.end = context.WithCancel(root)
	return s
}

// Address is where the server listens, "127.0.0.1:port", as api.Config.Address
// takes it.
func (s *Server) Address() string { return s.http.Listener.Addr().String() }

// Client returns a client of this server that sends the token of SetToken. Of
// the CONSUL_* variables only CONSUL_NAMESPACE and CONSUL_PARTITION have an
// effect on it: the server refuses both. Its connections end with the server.
func (s *Server) Client() *api.Client {
	client, err := api.NewClient(&api.Config{
		Address:    s.Address(),
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
// api.HealthWarning or api.HealthCritical. A service without a check gets one.
// TTL checks start their time anew; a gRPC check keeps the status until it next
// runs. An unknown id is an error.
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
	s.http.CloseClientConnections()
	s.http.Client().CloseIdleConnections() // Client's clients may not have noticed yet, and use them for a PUT
}
