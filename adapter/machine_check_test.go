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
		id := rpc.id
		if !rpc.isDone() {
			if m.recorder != nil && m.luck.isCalm() && rpc.open() != int(rpc.arrived.Load()) {
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

// converge waits until all is as it will be, and compares with the model.
func (m *machine) converge() {
	m.luck.setCalm(true)
	defer m.luck.setCalm(false)
	m.log = append(m.log, "converge")
	m.conn.Connect()
	time.Sleep(machineSettled)
	synctest.Wait()
	m.checkRPCs()
	want, hanging := make(map[string]bool), false
	for _, a := range m.model {
		switch m.net.mode(a.Addr) {
		case accepts:
			want[keyOfAddress(Address(a))] = true
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
		if want[keyOfAddress(Address(a))] != served[a.Addr] && !(served[a.Addr] && m.net.mode(a.Addr) == accepts) {
			m.fault("%v was served: %v, want %v of %v", a, served[a.Addr], want[keyOfAddress(Address(a))], want)
		}
	}
	synctest.Wait()
	m.checkRPCs()
}
