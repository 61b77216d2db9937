package adapter

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// proxyChild is set, to the name of the test, in the copy of the test binary
// that a test runs in: net/http reads the proxy from the environment once per
// process.
const proxyChild = "GRPCNAMING_PROXY_TEST"

// underProxy runs f in a process in which HTTPS_PROXY is p.
func underProxy(t *testing.T, noProxy string, f func(t *testing.T, p *connectProxy)) {
	t.Helper()
	if os.Getenv(proxyChild) == t.Name() {
		p := startConnectProxy(t)
		t.Setenv("HTTPS_PROXY", "http://"+p.listener.Addr().String())
		t.Setenv("NO_PROXY", noProxy)
		f(t, p)
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.count=1", "-test.timeout=2m")
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		name, _, _ := strings.Cut(strings.ToUpper(v), "=")
		return name == "HTTPS_PROXY" || name == "NO_PROXY"
	})
	// Without the second that the race detector waits for before exit.
	cmd.Env = append(cmd.Env, proxyChild+"="+t.Name(), "GORACE="+os.Getenv("GORACE")+" atexit_sleep_ms=0")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: "+t.Name()) {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
}

// connectProxy is an HTTP proxy that serves CONNECT.
type connectProxy struct {
	t        *testing.T
	listener net.Listener
	work     sync.WaitGroup

	mu       sync.Mutex
	routes   map[string]string // what a made-up host:port stands for
	connects map[string]int    // by host:port
	conns    []net.Conn
	closed   bool
}

func startConnectProxy(t *testing.T) *connectProxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &connectProxy{t: t, listener: l, routes: make(map[string]string), connects: make(map[string]int)}
	p.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.work.Go(func() { p.serve(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		p.mu.Lock()
		p.closed = true
		for _, c := range p.conns {
			c.Close()
		}
		p.mu.Unlock()
		p.work.Wait()
	})
	return p
}

// keep closes the conns in the end, and says whether that is yet to come.
func (p *connectProxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns = append(p.conns, conns...)
	return !p.closed
}

func (p *connectProxy) serve(client net.Conn) {
	defer client.Close()
	if !p.keep(client) {
		return
	}
	in := bufio.NewReader(client)
	req, err := http.ReadRequest(in)
	if err != nil {
		return
	}
	p.mu.Lock()
	p.connects[req.Host]++
	addr := p.routes[req.Host]
	p.mu.Unlock()
	if req.Method != http.MethodConnect || addr == "" {
		p.t.Errorf("the proxy was asked to %s %q", req.Method, req.Host)
		return
	}
	server, err := net.Dial("tcp", addr)
	if err != nil {
		_, _ = io.WriteString(client, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	defer server.Close()
	if !p.keep(server) {
		return
	}
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	p.work.Go(func() {
		_, _ = io.Copy(server, in)
		server.Close()
	})
	_, _ = io.Copy(client, server)
}

// route makes name stand for addr at the proxy.
func (p *connectProxy) route(name, addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.routes[name] = addr
}

// connected is how often the proxy was asked for each name.
func (p *connectProxy) connected() map[string]int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.connects)
}
