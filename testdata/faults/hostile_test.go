package faults

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// nobody is a port of 127.0.0.1, and of the rest of 127.0.0.0/8, at which nobody
// listens.
const nobody = 1

// stayHere dials as grpc does by itself, but asks nobody about names, and writes
// down what is not TCP.
func stayHere(t *testing.T) grpc.DialOption {
	d := net.Dialer{Resolver: &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("the tests look up no names")
	}}}
	return grpc.WithContextDialer(func(ctx context.Context, addr string) (net.Conn, error) {
		if !strings.Contains(addr, ":") || strings.HasPrefix(addr, "unix:") {
			t.Errorf("dialled: %q, want host:port", addr)
		}
		return d.DialContext(ctx, "tcp", addr)
	})
}

// Whoever may write to the catalogue can send RPCs elsewhere, but not stop those
// to the other instances.
func TestHostileCatalogue(t *testing.T) {
	t.Parallel()
	at := func(host, addr string) []instance {
		return []instance{{id: "hostile", host: host, port: nobody, addr: addr}}
	}
	port := func(p int) []instance { return []instance{{id: "hostile", host: "127.0.0.1", port: p}} }
	endless := strings.Repeat("endless.", 10_000) + "invalid"
	for _, c := range []struct {
		name      string
		instances []instance
		lines     int // of the log, of each kind's query: instances that are left out
	}{
		{"no address", at("", "127.0.0.1:1"), 0},
		{"IPv6", append(at("::1", "[::1]:1"), instance{id: "brackets", host: "[::1]", port: 2, addr: "[::1]:2"}), 0},
		{"IPv6 with zone", at("fe80::1%nowhere", "[fe80::1%nowhere]:1"), 0},
		{"over-long address", at(endless, endless+":1"), 0},
		{"control characters and a bracket", at("127.0.0.1\r\n\x00\x1b[2J", ""), 1},
		{"control characters", at("a\r\nb\x00\x07\u202ec", "a\r\nb\x00\x07\u202ec:1"), 0},
		{"spaces and slashes", at(" /// %2f ?#@", " /// %2f ?#@:1"), 0},
		{"unix:path", at("unix:/tmp/socket", "[unix:/tmp/socket]:1"), 0},
		{"unix:///path", at("unix:///tmp/socket", "[unix:///tmp/socket]:1"), 0},
		{"unix", at("unix", "[unix]:1"), 0},
		{"unix-abstract", at("unix-abstract:socket", "[unix-abstract:socket]:1"), 0},
		{"scheme", at("passthrough:///127.0.0.1", "[passthrough:///127.0.0.1]:1"), 0},
		{"port 0", port(0), 1},
		{"port -1", port(-1), 1},
		{"port 70000", port(70000), 1},
		{"one ID on two nodes", []instance{
			{id: "hostile", host: "127.1.0.1", port: nobody, addr: "127.1.0.1:1"},
			{id: "hostile", node: "other", host: "127.1.0.2", port: nobody, addr: "127.1.0.2:1"},
		}, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			hostile(t, "entry: "+c.name, c.instances, c.lines)
		})
	}
	// One that goes away again must not take the other with it.
	t.Run("ID of another with a healthy one's address", func(t *testing.T) {
		t.Parallel()
		tr := hostileTrial(t, "entry: a healthy one's address again")
		again := tr.instance("again", tr.backends[0])
		tr.must(tr.catalogue.put(again))
		tr.join()
		tr.converge()
		tr.over(func() { tr.must(tr.catalogue.remove(again)) })
	})
}

// hostile has instances come and go beside healthy ones.
func hostile(t *testing.T, name string, instances []instance, lines int) {
	tr := hostileTrial(t, name)
	tr.allowedLines = lines
	tr.must(tr.catalogue.put(instances...))
	tr.join()
	tr.converge()
	if l := tr.log.snapshot(); l.nOthers != kinds*lines {
		t.Errorf("%d lines of the log, want %d: %q", l.nOthers, kinds*lines, l.others)
	}
	tr.over(func() { tr.must(tr.catalogue.remove(instances...)) })
}

func hostileTrial(t *testing.T, name string) *trial {
	agent := realAgent(t)
	tr := newTrial(t, name)
	tr.at(inCatalog{agent.Client(), tr.service})
	tr.serve(3)
	tr.dial(source{agent: agent.Address()}, stayHere(t))
	tr.begin()
	return tr
}

// A client learns of 10,000 instances at once, none of which is there. Native has 1,000:
// at each failure of a connection grpc's round_robin goes through all of its endpoints.
// With 10,000 it does nothing else, and the next State waits for more than 30 seconds.
func TestManyInstances(t *testing.T) {
	for k, n := range [kinds]int{shim: 10_000, native: 1_000} {
		t.Run(kind(k).String(), func(t *testing.T) { manyInstances(t, kind(k), n) })
	}
}

func manyInstances(t *testing.T, k kind, n int) {
	agent := realAgent(t)
	tr := newTrial(t, fmt.Sprintf("entry: %d at once, %v", n, k))
	// grpc is still ending the connections to the 10,000 then: less than soon
	// without the race detector, and nine seconds were seen with it.
	tr.leaving = testwait.Patience
	tr.at(inCatalog{agent.Client(), tr.service})
	tr.serve(3)
	door := newDoor(t, agent.Address())
	// Two ClientConns that go on dialling 10,000 dead addresses each are more than
	// two processors can do with the race detector.
	tr.dialOne(k, source{agent: door.address()}, stayHere(t))
	tr.begin()
	instances := make([]instance, n)
	for i := range instances {
		instances[i] = newInstance(fmt.Sprint("nobody-", i), fmt.Sprintf("127.1.%d.%d", i>>8, i&255), nobody)
		instances[i].unchecked = true
		instances[i].node = fmt.Sprint(i / 100) // Consul is slow with more on one
	}
	door.set(consultest.Silence())
	tr.must(tr.catalogue.put(instances...))
	door.set(nil)
	tr.join()
	tr.converge()
	door.set(consultest.Silence())
	tr.must(tr.catalogue.remove(instances...))
	tr.over(func() { door.set(nil) })
}
