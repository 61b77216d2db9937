package adapter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcnaming/grpcnaming/internal/addrset/addrsettest"
	"github.com/grpcnaming/grpcnaming/naming"
)

// machine drives a ClientConn with WithBalancer through events in an order that
// a seed decides, in a synctest bubble and over a network in memory.
type machine struct {
	t       *testing.T
	name    string
	net     *memNet
	conn    *grpc.ClientConn
	dialled atomic.Pointer[grpc.ClientConn] // for callbacks, which may come during Dial
	rpcs    rpcs
	calls   []*machineRPC // that may be under way
	log     []string      // the last steps, for a failure

	model    addrsettest.Model
	awake    bool             // an RPC may keep the ClientConn from idleness, see sleepIdle
	option   *balancerOption  // has the bridge
	balancer Balancer         // a RoundRobin or a listBalancer
	resolver *machineResolver // nil with a listBalancer
	recorder *recorder        // around balancer; nil with a bare RoundRobin

	// seen counts what has been seen, so that a machine that does nothing is not taken
	// for one that does nothing wrong.
	seen map[string]int

	rnd  *rand.Rand                // decides on the steps, and belongs to their goroutine
	luck luck                      // decides on what callbacks do
	over atomic.Pointer[time.Time] // since when nothing may be called but put; nil while it may
}

const (
	machineIdle    = 20 * time.Minute
	machineSettled = 5 * time.Minute // longer than the longest backoff
)

func (m *machine) n(n int) int { return m.rnd.IntN(n) }

func (m *machine) fault(format string, args ...any) {
	m.t.Errorf("%s: %s", m.name, fmt.Sprintf(format, args...))
}

// newMachine dials. kind is "RoundRobin", "wrapped RoundRobin" or "lists".
func newMachine(t *testing.T, kind, name string, seed uint64) *machine {
	m := &machine{t: t, name: name, net: newMemNet(), seen: make(map[string]int), rnd: rand.New(rand.NewPCG(seed, 1))}
	m.luck.rnd = rand.New(rand.NewPCG(seed, 2))
	m.rpcs.all = make(map[string]*machineRPC)
	server := grpc.NewServer(grpc.UnaryInterceptor(m.rpcs.intercept))
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(m.net)
	t.Cleanup(server.Stop)

	if kind == "lists" {
		m.balancer = &listBalancer{luck: &m.luck}
	} else {
		m.resolver = &machineResolver{machine: m, full: m.n(2) == 0}
		m.balancer = RoundRobin(m.resolver)
	}
	b := m.balancer
	if kind != "RoundRobin" {
		m.recorder = &recorder{Balancer: b, fault: m.fault, late: m.late, enter: m.enter, meddle: m.meddle}
		b = m.recorder
	}
	m.option = &balancerOption{balancer: b} // WithBalancer's
	conn, err := grpc.Dial("svc", m.option.resolvers(), grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(m.net.dial), grpc.WithIdleTimeout(machineIdle))
	if err != nil {
		t.Fatal(err)
	}
	m.conn = conn
	m.dialled.Store(conn)
	return m
}

// step makes one thing happen.
func (m *machine) step() {
	m.seen["steps"]++
	addr := fmt.Sprintf("a%d:1", m.n(5))
	var what string
	switch k := m.n(20); {
	case k < 5:
		what = "update " + m.update()
	case k < 7:
		what = "watcher fails"
		if m.resolver != nil {
			m.resolver.failWatcher()
		}
	case k < 9:
		mode := memMode(m.n(3))
		what = fmt.Sprint("mode ", addr, mode)
		m.net.set(addr, mode)
	case k < 11:
		what = "cut " + addr
		m.net.cut(addr)
	case k < 15:
		held, wait := m.n(2) == 0, m.n(2) == 0
		rpc := m.rpcs.begin(m.conn, held, grpc.WaitForReady(wait))
		m.calls = append(m.calls, rpc)
		what = fmt.Sprint("RPC ", rpc.id, " held ", held, " wait for ready ", wait)
	case k < 17:
		what = "end an RPC"
		m.endOne()
	case k < 19:
		d := time.Duration(m.n(3000)) * time.Millisecond
		what = fmt.Sprint("sleep ", d)
		time.Sleep(d)
	default:
		what = "wake"
		m.conn.Connect()
	}
	m.log = append(m.log, what)
	if m.n(3) > 0 {
		synctest.Wait()
		m.checkRPCs()
	}
}

// update changes the model, and tells the Balancer or its watcher.
func (m *machine) update() string {
	var updates []*naming.Update
	what := "everything goes"
	if m.n(8) == 0 {
		for _, a := range m.model {
			updates = append(updates, &naming.Update{Op: naming.Delete, Addr: a.Addr, Metadata: a.Metadata})
		}
	} else {
		updates = m.updates()
		what = fmt.Sprint(len(updates))
	}
	if m.resolver != nil {
		m.resolver.change(updates)
	} else {
		m.model, _ = m.model.FoldAll(updates)
		list := make([]Address, len(m.model))
		for i, a := range m.model {
			list[i] = Address(a)
		}
		m.balancer.(*listBalancer).set(list)
	}
	return what
}

func (m *machine) updates() (updates []*naming.Update) {
	for range m.n(4) + 1 {
		u := &naming.Update{Op: naming.Operation(m.n(2)), Addr: fmt.Sprintf("a%d:1", m.n(5))}
		switch m.n(6) {
		case 0:
			u.Metadata = 1
		case 1:
			u.Metadata = []int{1}
		case 2:
			u.Metadata = &struct{ Zone string }{"x"} // a fresh pointer
		}
		updates = append(updates, u)
	}
	return updates
}

func (m *machine) endOne() {
	if len(m.calls) == 0 {
		return
	}
	i := m.n(len(m.calls))
	m.end(m.calls[i], m.n(2) == 0)
	m.calls = slices.Delete(m.calls, i, i+1)
}

func (m *machine) end(rpc *machineRPC, cancel bool) {
	rpc.finish()
	if cancel {
		rpc.cancel()
	}
}

// endAll ends every RPC and sees that its puts have been called.
func (m *machine) endAll() {
	for _, rpc := range m.rpcs.rest() {
		m.end(rpc, true)
	}
	m.calls = nil
	elapse(time.Second)
	m.checkRPCs()
	for _, rpc := range m.rpcs.rest() {
		if !rpc.isDone() {
			m.fault("RPC %s does not end", rpc.id)
		}
	}
}
