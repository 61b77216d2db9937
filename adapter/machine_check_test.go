package adapter

import (
	"fmt"
	"strings"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"
)

// checkRPCs is called when nothing moves: a put is outstanding for each RPC that
// a server is at work on, and for no other.
func (m *machine) checkRPCs() {
	for _, rpc := range m.rpcs.rest() {
		puts, picked := rpc.puts.Load(), rpc.picked.Load()
		if !rpc.isDone() {
			if m.recorder != nil && m.luck.calm.Load() && puts != rpc.arrived.Load() {
				m.fault("RPC %s is with %d servers, and %d puts are outstanding", rpc.id, rpc.arrived.Load(), puts)
			}
			continue
		}
		if puts != 0 {
			m.fault("RPC %s is over (%v), and %d puts are outstanding", rpc.id, rpc.err, puts)
		}
		switch c := status.Code(rpc.err); c {
		case codes.OK:
			m.seen["answered"]++
			if m.recorder != nil && (picked == nil || picked.Addr != rpc.server) {
				m.fault("RPC %s was answered by %s, and Get named %+v", rpc.id, rpc.server, picked)
			}
		case codes.Canceled, codes.Unavailable:
			m.seen["refused"]++
			m.awake = m.awake || strings.HasPrefix(grpc.Version, "1.63.")
		default:
			m.fault("RPC %s: %v", rpc.id, rpc.err)
		}
		rpc.checked = true
	}
}

// converge waits until all is as it will be, and compares with the model.
func (m *machine) converge() {
	m.luck.calm.Store(true)
	defer m.luck.calm.Store(false)
	m.log = append(m.log, "converge")
	m.conn.Connect()
	elapse(machineSettled)
	m.checkRPCs()
	want := make(map[string]bool)
	for _, a := range m.model {
		switch m.net.mode(a.Addr) {
		case accepts:
			want[keyOfAddress(Address(a))] = true
		case hangs: // a connection from before stays, none is made; it may be either
			return
		case refuses:
			m.net.cut(a.Addr)
		}
	}
	m.seen["settled"]++
	synctest.Wait()
	if m.recorder != nil {
		if got, _ := m.recorder.now(); fmt.Sprint(got) != fmt.Sprint(want) {
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
	for _, a := range m.model { // two may differ in Metadata alone, but not in how they are
		if up := want[keyOfAddress(Address(a))]; up != served[a.Addr] {
			m.fault("%v was served: %v, want %v of %v", a, served[a.Addr], up, want)
		}
	}
	synctest.Wait()
	m.checkRPCs()
}

// sleepIdle lets the ClientConn go idle, which ends the life of the Balancer, and
// changes the model meanwhile.
func (m *machine) sleepIdle() {
	m.log = append(m.log, "idle")
	m.endAll()
	elapse(2*machineIdle + time.Minute)
	switch got := m.conn.GetState(); {
	case got == connectivity.Idle:
		m.seen["idle"]++
		m.checkEnded("idleness")
		time.Sleep(time.Hour)
	case m.awake:
		// In grpc v1.63 an RPC that ends before it has a connection counts as
		// active for ever; not so in v1.85.
	default:
		m.fault("state %v after %v without RPCs", got, 2*machineIdle)
	}
	for range m.n(3) {
		m.log = append(m.log, "update "+m.update())
	}
	m.over.Store(nil)
}

// close closes the ClientConn, with what is under way under way, and sees that
// nothing is called after that.
func (m *machine) close() {
	m.log = append(m.log, "close")
	m.seen["closed"]++
	if m.n(2) == 0 { // while connections come and go
		for _, mostMillis := range []int{2000, 100} {
			for i := range 5 {
				addr := fmt.Sprintf("a%d:1", i)
				m.net.set(addr, accepts)
				m.net.cut(addr)
			}
			time.Sleep(time.Duration(m.n(mostMillis)) * time.Millisecond)
		}
	}
	for range m.n(3) {
		m.calls = append(m.calls, m.rpcs.begin(m.conn, false))
	}
	m.conn.Close() // has the time for all that callbacks sleep
	m.checkEnded("ClientConn.Close")
	elapse(time.Hour)
	m.checkEnded("ClientConn.Close")
	m.endAll()
	m.net.Close()
}

// checkEnded wants the Balancer and every watcher closed, and nothing to be called
// from now on.
func (m *machine) checkEnded(by string) {
	now := time.Now()
	m.over.CompareAndSwap(nil, &now)
	if m.recorder != nil {
		if _, ended := m.recorder.now(); ended == nil {
			m.fault("%s has not closed the Balancer", by)
		}
	}
	if m.resolver != nil {
		m.resolver.checkClosed()
	}
}
