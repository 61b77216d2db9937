package adapter

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// memNet is a network in memory, for tests in a synctest bubble: its addresses
// accept, refuse or keep a dialer waiting, as the test says, and their
// connections can be broken. It is the listener of the one server behind all of
// them; the dialler sees the address that it has dialled as its peer.
type memNet struct {
	accepted chan net.Conn
	done     chan struct{}
	close    func()

	mu    sync.Mutex // guards what follows
	modes map[string]memMode
	conns map[string][]net.Conn
}

type memMode int

const (
	accepts memMode = iota
	refuses
	hangs
)

func newMemNet() *memNet {
	n := &memNet{
		accepted: make(chan net.Conn),
		done:     make(chan struct{}),
		modes:    make(map[string]memMode),
		conns:    make(map[string][]net.Conn),
	}
	n.close = sync.OnceFunc(func() { close(n.done) })
	return n
}

func (n *memNet) set(addr string, m memMode) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.modes[addr] = m
}

func (n *memNet) mode(addr string) memMode {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.modes[addr]
}

// cut breaks all connections to addr.
func (n *memNet) cut(addr string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.conns[addr] {
		c.Close()
	}
	n.conns[addr] = nil
}

func (n *memNet) dial(ctx context.Context, addr string) (net.Conn, error) {
	for n.mode(addr) == hangs {
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if n.mode(addr) == refuses {
		return nil, fmt.Errorf("%s refuses", addr)
	}
	client, server := net.Pipe()
	n.mu.Lock()
	n.conns[addr] = append(n.conns[addr], server)
	n.mu.Unlock()
	select {
	case n.accepted <- server:
		return memConn{client, memAddr(addr)}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *memNet) Accept() (net.Conn, error) {
	select {
	case c := <-n.accepted:
		return c, nil
	case <-n.done:
		return nil, net.ErrClosed
	}
}

func (n *memNet) Close() error   { n.close(); return nil }
func (n *memNet) Addr() net.Addr { return memAddr("memory") }

type memConn struct {
	net.Conn
	peer memAddr
}

func (c memConn) RemoteAddr() net.Addr { return c.peer }

type memAddr string

func (memAddr) Network() string  { return "memory" }
func (a memAddr) String() string { return string(a) }
