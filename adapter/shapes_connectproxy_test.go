package adapter

import (
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// connectProxy is an HTTP proxy that serves CONNECT.
type connectProxy struct {
	t    *testing.T
	work sync.WaitGroup

	mu       sync.Mutex
	routes   map[string]string // what a made-up host:port stands for
	connects map[string]int    // by host:port
}

// startConnectProxy returns the URL of the proxy too.
func startConnectProxy(t *testing.T) (*connectProxy, string) {
	p := &connectProxy{t: t, routes: make(map[string]string), connects: make(map[string]int)}
	server := httptest.NewServer(p)
	t.Cleanup(func() {
		server.Close()
		p.work.Wait() // until both ends of each connection have closed it
	})
	return p, server.URL
}

func (p *connectProxy) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	p.mu.Lock()
	p.connects[req.Host]++
	addr := p.routes[req.Host]
	p.mu.Unlock()
	if req.Method != http.MethodConnect || addr == "" {
		p.t.Errorf("the proxy was asked to %s %q", req.Method, req.Host)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	server, err := net.Dial("tcp", addr)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	client, in, err := http.NewResponseController(w).Hijack()
	if err != nil {
		p.t.Error(err)
		server.Close()
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	p.work.Go(func() {
		_, _ = io.Copy(server, in)
		server.Close()
	})
	p.work.Go(func() {
		_, _ = io.Copy(client, server)
		client.Close()
	})
}

// route makes name stand for addr at the proxy.
func (p *connectProxy) route(name, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routes[name] = addr
}

// checkConnects compares what the proxy was asked for, since it was checked last.
func (p *connectProxy) checkConnects(t *testing.T, want map[string]int) {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if got := p.connects; !maps.Equal(got, want) {
		t.Errorf("the proxy was asked for %v, want %v", got, want)
	}
	p.connects = make(map[string]int)
}
