package adapter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

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

	model    modelSet
	awake    bool             // an RPC may keep the ClientConn from idleness, see sleepIdle
	resolver *machineResolver // nil with a Balancer of lists
	list     *listBalancer    // nil with RoundRobin
	recorder *recorder        // nil with a bare RoundRobin

	seen machineSeen

	rndMu sync.Mutex // guards what follows
	rnd   *rand.Rand
	calm  bool // whatever may go wrong by chance does not
}

// machineSeen counts what has been seen, so that a machine that does nothing is
// not taken for one that does nothing wrong.
type machineSeen struct{ steps, answered, refused, settled, idle, closed int }

func (s *machineSeen) add(o machineSeen) {
	s.steps += o.steps
	s.answered += o.answered
	s.refused += o.refused
	s.settled += o.settled
	s.idle += o.idle
	s.closed += o.closed
}

const (
	machineIdle    = 20 * time.Minute
	machineSettled = 5 * time.Minute // longer than the longest backoff
)

func (m *machine) n(n int) int {
	m.rndMu.Lock()
	defer m.rndMu.Unlock()
	return m.rnd.IntN(n)
}

// chance is true once in n times, and never in a calm.
func (m *machine) chance(n int) bool {
	m.rndMu.Lock()
	defer m.rndMu.Unlock()
	return !m.calm && m.rnd.IntN(n) == 0
}

func (m *machine) setCalm(v bool) {
	m.rndMu.Lock()
	defer m.rndMu.Unlock()
	m.calm = v
}

func (m *machine) fault(format string, args ...any) {
	m.t.Errorf("%s: %s", m.name, fmt.Sprintf(format, args...))
}

// meddle is called within a callback and uses what a user would use there. It
// waits for ever if it is called with a lock held that this takes.
func (m *machine) meddle(string) {
	if conn := m.dialled.Load(); conn != nil && m.chance(3) {
		conn.GetState()
	}
	if m.recorder != nil && m.chance(3) {
		m.recorder.Balancer.Get(context.Background(), BalancerGetOptions{})
		m.recorder.Balancer.Notify()
	}
	if m.chance(10) {
		time.Sleep(time.Duration(m.n(100)) * time.Millisecond)
	}
}

// newMachine dials. kind is "RoundRobin", "wrapped RoundRobin" or "lists".
func newMachine(t *testing.T, kind, name string, seed uint64) *machine {
	m := &machine{t: t, name: name, net: newMemNet(), rnd: rand.New(rand.NewPCG(seed, 1))}
	m.rpcs.all = make(map[string]*machineRPC)
	server := grpc.NewServer(grpc.UnaryInterceptor(m.rpcs.intercept))
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(m.net)
	t.Cleanup(server.Stop)

	var b Balancer
	if kind == "lists" {
		m.list = &listBalancer{
			stray: func() bool { return m.chance(10) },
			fails: func() error {
				if m.chance(4) {
					return errors.New("not now")
				}
				return nil
			},
		}
		b = m.list
	} else {
		m.resolver = &machineResolver{machine: m}
		b = RoundRobin(m.resolver)
	}
	if kind != "RoundRobin" {
		m.recorder = &recorder{Balancer: b, fault: m.fault, meddle: m.meddle}
		b = m.recorder
	} else {
		m.resolver.balancer = b
	}
	conn, err := grpc.Dial("svc", WithBalancer(b), grpc.WithTransportCredentials(insecure.NewCredentials()),
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
	m.seen.steps++
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
	if m.list != nil {
		m.model, _ = m.model.foldAll(updates)
		m.list.set(slices.Clone(m.model))
	} else if m.resolver.send(updates) {
		m.model, _ = m.model.foldAll(updates)
	} else {
		return "to nobody"
	}
	return fmt.Sprint(len(updates))
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
	select {
	case <-rpc.release:
	default:
		close(rpc.release)
	}
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
	time.Sleep(time.Second)
	synctest.Wait()
	m.checkRPCs()
	for _, rpc := range m.rpcs.rest() {
		if !rpc.isDone() {
			m.fault("RPC %s does not end", rpc.id)
		}
	}
}

// checkRPCs is called when nothing moves: a put is outstanding for each RPC that
// a server is at work on, and for no other.
func (m *machine) checkRPCs() {
	for _, rpc := range m.rpcs.rest() {
		id := rpc.id
		if !rpc.isDone() {
			if m.recorder != nil && !m.meddling() && rpc.open() != int(rpc.arrived.Load()) {
				m.fault("RPC %s is with %d servers, and %d puts are outstanding", id, rpc.arrived.Load(), rpc.open())
			}
			continue
		}
		if rpc.open() != 0 {
			m.fault("RPC %s is over (%v), and %d puts are outstanding", id, rpc.err, rpc.open())
		}
		switch c := status.Code(rpc.err); c {
		case codes.OK:
			m.seen.answered++
			if p := rpc.last(); m.recorder != nil && (p == nil || p.addr.Addr != rpc.server) {
				m.fault("RPC %s was answered by %s, and Get named %+v", id, rpc.server, p)
			}
		case codes.Canceled, codes.Unavailable:
			m.seen.refused++
			m.awake = m.awake || strings.HasPrefix(grpc.Version, "1.63.")
		default:
			m.fault("RPC %s: %v", id, rpc.err)
		}
		rpc.checked = true
	}
}

// meddling says that some callback may be asleep, and with it what should have
// come to rest.
func (m *machine) meddling() bool {
	m.rndMu.Lock()
	defer m.rndMu.Unlock()
	return !m.calm
}

// converge waits until all is as it will be, and compares with the model.
func (m *machine) converge() {
	m.setCalm(true)
	defer m.setCalm(false)
	m.log = append(m.log, "converge")
	m.conn.Connect()
	time.Sleep(machineSettled)
	synctest.Wait()
	m.checkRPCs()
	want, hanging := make(map[string]bool), false
	for _, a := range m.model {
		switch m.net.mode(a.Addr) {
		case accepts:
			want[keyOfAddress(a)] = true
		case hangs:
			// A connection from before stays, none is made; it may be either.
			hanging = true
		}
	}
	if hanging {
		return
	}
	m.seen.settled++
	for _, a := range m.model {
		if m.net.mode(a.Addr) == refuses {
			m.net.cut(a.Addr)
		}
	}
	synctest.Wait()
	if m.recorder != nil {
		if got := m.recorder.upNow(); fmt.Sprint(got) != fmt.Sprint(want) {
			m.fault("up are %v, want %v", got, want)
		}
	}
	state := connectivity.TransientFailure
	if len(want) > 0 {
		state = connectivity.Ready
	}
	if got := m.conn.GetState(); got != state {
		m.fault("state %v with %d addresses of which %d are up, want %v", got, len(m.model), len(want), state)
	}
	served := make(map[string]bool)
	for range 2 * len(want) {
		rpc := m.rpcs.begin(m.conn, false)
		<-rpc.done
		if rpc.err != nil {
			m.fault("RPC with %v up: %v", want, rpc.err)
		}
		served[rpc.server] = true
	}
	for _, a := range m.model {
		if want[keyOfAddress(a)] != served[a.Addr] && !(served[a.Addr] && m.net.mode(a.Addr) == accepts) {
			m.fault("%v was served: %v, want %v of %v", a, served[a.Addr], want[keyOfAddress(a)], want)
		}
	}
	synctest.Wait()
	m.checkRPCs()
}

// sleepIdle lets the ClientConn go idle, which ends the life of the Balancer.
func (m *machine) sleepIdle() {
	m.log = append(m.log, "idle")
	m.endAll()
	time.Sleep(2*machineIdle + time.Minute)
	synctest.Wait()
	if got := m.conn.GetState(); got != connectivity.Idle {
		// In grpc v1.63 an RPC that ends before it has a connection counts as
		// active for ever; not so in v1.85.
		if m.awake {
			return
		}
		m.fault("state %v after %v without RPCs", got, 2*machineIdle)
	}
	m.seen.idle++
	m.checkEnded("idleness")
}

func (m *machine) checkEnded(by string) {
	if m.recorder != nil && m.recorder.isAlive() {
		m.fault("%s has not closed the Balancer", by)
	}
	if m.resolver != nil {
		m.resolver.checkClosed()
	}
}

// close closes the ClientConn, with what is under way under way, and sees that
// nothing is called after that.
func (m *machine) close() {
	m.log = append(m.log, "close")
	m.seen.closed++
	if m.n(2) == 0 { // while connections come and go
		for i := range 5 {
			addr := fmt.Sprintf("a%d:1", i)
			m.net.set(addr, accepts)
			m.net.cut(addr)
		}
		time.Sleep(time.Duration(m.n(2000)) * time.Millisecond)
		for i := range 5 {
			m.net.cut(fmt.Sprintf("a%d:1", i))
		}
		time.Sleep(time.Duration(m.n(100)) * time.Millisecond)
	}
	m.conn.Close()
	if m.recorder == nil || !m.meddling() {
		m.checkEnded("ClientConn.Close")
	}
	time.Sleep(time.Hour)
	synctest.Wait()
	m.checkEnded("ClientConn.Close")
	m.endAll()
	m.net.Close()
}
