package adapter

import (
	"fmt"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"
)

// sleepIdle lets the ClientConn go idle, which ends the life of the Balancer, and
// changes the model meanwhile.
func (m *machine) sleepIdle() {
	m.log = append(m.log, "idle")
	m.endAll()
	time.Sleep(2*machineIdle + time.Minute)
	synctest.Wait()
	switch got := m.conn.GetState(); {
	case got == connectivity.Idle:
		m.seen.idle++
		m.checkEnded("idleness")
		m.setOver()
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
	for range m.n(3) {
		m.calls = append(m.calls, m.rpcs.begin(m.conn, false))
	}
	m.conn.Close() // has the time for all that callbacks sleep
	m.setOver()
	m.checkEnded("ClientConn.Close")
	time.Sleep(time.Hour)
	synctest.Wait()
	m.checkEnded("ClientConn.Close")
	m.endAll()
	m.net.Close()
}

// setOver says that nothing may be called from now on.
func (m *machine) setOver() {
	now := time.Now()
	m.over.Store(&now)
}

// checkEnded wants the Balancer and every watcher closed.
func (m *machine) checkEnded(by string) {
	if m.recorder != nil && m.recorder.isAlive() {
		m.fault("%s has not closed the Balancer", by)
	}
	if m.resolver != nil {
		m.resolver.checkClosed()
	}
}
