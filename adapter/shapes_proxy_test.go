package adapter

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// checkConnects compares what the proxy was asked for.
func (p *connectProxy) checkConnects(want map[string]int) {
	p.t.Helper()
	if got := p.connected(); !maps.Equal(got, want) {
		p.t.Errorf("the proxy was asked for %v, want %v", got, want)
	}
}

// HTTPS_PROXY: RPCs go through the proxy, which is given each Addr as it is; but
// those of this host are dialled directly.
func TestShapeProxy(t *testing.T) {
	underProxy(t, "", func(t *testing.T, p *connectProxy) {
		b := startBackends(t, 4)
		p.route("backend-1.test:80", b[0].Addr())
		p.route("backend-2.test:80", b[1].Addr())
		everyInterface := fmt.Sprint("0.0.0.0:", b[3].Port()) // by name not this host
		p.route(everyInterface, b[3].Addr())
		r := &scriptResolver{}
		conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
		w := r.watcher(t, 0)
		w.send(t, add("backend-1.test:80", b[2].Addr(), "backend-2.test:80", everyInterface)...)
		callAll(t, conn, b...)
		p.checkConnects(map[string]int{"backend-1.test:80": 1, "backend-2.test:80": 1, everyInterface: 1})
		w.send(t, del("backend-1.test:80", everyInterface)...)
		callAll(t, conn, b[1], b[2])
		w.send(t, add("backend-1.test:80")...)
		callAll(t, conn, b[:3]...) // on a new connection, unless grpc heard of both at once
	})
}

// NO_PROXY is honoured for each address.
func TestShapeNoProxy(t *testing.T) {
	underProxy(t, "0.0.0.0,.other.test", func(t *testing.T, p *connectProxy) {
		b := startBackends(t, 3)
		p.route("backend.test:80", b[1].Addr())
		conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver{
			fmt.Sprint("0.0.0.0:", b[0].Port()), "backend.test:80", b[2].Addr(),
		})))
		callAll(t, conn, b...)
		p.checkConnects(map[string]int{"backend.test:80": 1})
	})
}

// Without a resolver it is the target that is asked for.
func TestShapeProxyWithoutResolver(t *testing.T) {
	underProxy(t, "", func(t *testing.T, p *connectProxy) {
		b := startBackends(t, 1)
		p.route("backend.test:80", b[0].Addr())
		conn := dial(t, "backend.test:80", WithBalancer(RoundRobin(nil)))
		callAll(t, conn, b...)
		p.checkConnects(map[string]int{"backend.test:80": 1})
	})
}

// The same Addr with other Metadata is another connection, through a proxy too,
// where the addresses that grpc knows are all that of the proxy.
func TestShapeProxyConnectionPool(t *testing.T) {
	underProxy(t, "", func(t *testing.T, p *connectProxy) {
		peers, conns := &peerCounter{calls: make(map[string]int)}, &connCounter{}
		b, err := backend.Start(grpc.UnaryInterceptor(peers.intercept), grpc.StatsHandler(conns))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Stop)
		const name = "backend.test:80"
		p.route(name, b.Addr())
		r := newPoolResolver(name, 4)
		conn := dial(t, "pool", WithBalancer(RoundRobin(r)))
		conns.reach(t, 4)
		peers.evenly(t, conn, 4)
		r.shrink()
		conns.reach(t, 3)
		peers.evenly(t, conn, 3)
		p.checkConnects(map[string]int{name: 4})
	})
}

// Up is told the very Metadata that Notify gave, by proxy or not.
func TestShapeProxyMetadata(t *testing.T) {
	underProxy(t, "", func(t *testing.T, p *connectProxy) {
		b := startBackends(t, 2)
		p.route("backend.test:80", b[0].Addr())
		list := []Address{
			{"backend.test:80", &instance{1}},
			{b[1].Addr(), &instance{2}},
			{"backend.test:80", &instance{3}},
			{b[1].Addr(), nil},
			{"backend.test:80", "a string"},
		}
		var mu sync.Mutex
		var ups []Address
		lists := make(chan []Address, 1)
		balancer := &scriptBalancer{
			notify: func() <-chan []Address { return lists },
			up: func(a Address) func(error) {
				mu.Lock()
				defer mu.Unlock()
				ups = append(ups, a)
				return nil
			},
		}
		conn := dial(t, "svc", WithBalancer(balancer))
		for i := range list { // one by one, so that Up is called in this order
			lists <- list[:i+1]
			eventually(t, fmt.Sprint(i+1, " are up"), func() bool {
				mu.Lock()
				defer mu.Unlock()
				return len(ups) == i+1
			})
		}
		mu.Lock()
		if !slices.Equal(ups, list) { // pointers by identity
			t.Errorf("up are %v, want %v", ups, list)
		}
		mu.Unlock()
		if got := call(t, conn); got != b[0].Addr() { // what was up last
			t.Errorf("answered by %s, want %s", got, b[0].Addr())
		}
		p.checkConnects(map[string]int{"backend.test:80": 3})
	})
}
