package adapter

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
)

// proxyChild is set in the copy of the test binary in which TestShapeProxy does its
// work: net/http reads the proxy from the environment once per process.
const proxyChild = "GRPCNAMING_PROXY_TEST"

// HTTPS_PROXY and NO_PROXY.
func TestShapeProxy(t *testing.T) {
	if os.Getenv(proxyChild) == "" {
		cmd := exec.Command(os.Args[0], "-test.run=^TestShapeProxy$", "-test.v", "-test.count=1", "-test.timeout=2m")
		cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
			name, _, _ := strings.Cut(strings.ToUpper(v), "=")
			return name == "HTTPS_PROXY" || name == "NO_PROXY"
		})
		// Without the second that the race detector waits for before exit.
		cmd.Env = append(cmd.Env, proxyChild+"=1", "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: TestShapeProxy") {
			t.Errorf("in a process of its own: %v\n%s", err, out)
		}
		return
	}
	p, url := startConnectProxy(t)
	t.Setenv("HTTPS_PROXY", url)
	t.Setenv("NO_PROXY", "0.0.0.0,.other.test")
	t.Run("addresses", func(t *testing.T) { proxiedAddresses(t, p) })
	t.Run("Metadata", func(t *testing.T) { proxiedMetadata(t, p) })
	t.Run("without resolver, the target", func(t *testing.T) {
		b := startBackends(t, 1)
		p.route("backend.test:80", b[0].Addr())
		callAll(t, dial(t, "backend.test:80", WithBalancer(RoundRobin(nil))), b...)
		p.checkConnects(t, map[string]int{"backend.test:80": 1})
	})
	// The same Addr with other Metadata is another connection, though the addresses
	// that grpc knows are all that of the proxy.
	t.Run("connection pool", func(t *testing.T) {
		usePool(t, func(addr string) string {
			p.route("pool.test:80", addr)
			return "pool.test:80"
		})
		p.checkConnects(t, map[string]int{"pool.test:80": 4})
	})
}

// RPCs go through the proxy, which is given each Addr as it is; but those of this
// host, or in NO_PROXY, are dialled directly.
func proxiedAddresses(t *testing.T, p *connectProxy) {
	b := startBackends(t, 4)
	p.route("backend-1.test:80", b[0].Addr())
	p.route("backend-2.test:80", b[1].Addr())
	conn, w := dialScript(t)
	w.send(t, add("backend-1.test:80", b[2].Addr(), "backend-2.test:80", fmt.Sprint("0.0.0.0:", b[3].Port()))...)
	callAll(t, conn, b...)
	p.checkConnects(t, map[string]int{"backend-1.test:80": 1, "backend-2.test:80": 1})
	w.send(t, del("backend-1.test:80")...)
	callAll(t, conn, b[1:]...)
	w.send(t, add("backend-1.test:80")...)
	callAll(t, conn, b...)
	p.checkConnects(t, map[string]int{"backend-1.test:80": 1})
}

// Up is told the very Metadata that Notify gave, by proxy or not.
func proxiedMetadata(t *testing.T, p *connectProxy) {
	b := startBackends(t, 2)
	p.route("backend.test:80", b[0].Addr())
	list := []Address{
		{"backend.test:80", &instance{1}},
		{b[1].Addr(), &instance{2}},
		{"backend.test:80", &instance{3}},
		{b[1].Addr(), nil},
		{"backend.test:80", "a string"},
	}
	lists, ups := make(chan []Address, 1), make(chan Address)
	balancer := &scriptBalancer{
		notify: func() <-chan []Address { return lists },
		up:     func(a Address) func(error) { ups <- a; return nil },
	}
	conn := dial(t, "svc", WithBalancer(balancer))
	for i, want := range list { // one by one, so that Up is called in this order
		lists <- list[:i+1]
		if got := receive(t, "Up", ups); got != want { // pointers by identity
			t.Errorf("up is %v, want %v", got, want)
		}
	}
	if got := call(t, conn, grpc.WaitForReady(true)); got != b[0].Addr() { // what was up last
		t.Errorf("answered by %s, want %s", got, b[0].Addr())
	}
	p.checkConnects(t, map[string]int{"backend.test:80": 3})
}

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
