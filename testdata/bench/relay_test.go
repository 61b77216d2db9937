package bench

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
)

// relay stands between clients and the agent, one connection for one connection,
// and counts: what the agent has open, and the requests for instances.
type relay struct {
	listener net.Listener
	agent    string
	open     atomic.Int64 // connections
	queries  atomic.Int64 // requests for a service's health
	refused  atomic.Int64 // connections answered with 429

	mu    sync.Mutex // guards conns
	conns map[net.Conn]bool
	done  sync.WaitGroup
}

func newRelay(agent string) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	r := &relay{listener: l, agent: agent, conns: make(map[net.Conn]bool)}
	r.done.Go(func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			agent, err := dialAsAnother(r.agent)
			if err != nil {
				client.Close()
				continue
			}
			r.mu.Lock()
			r.conns[client], r.conns[agent] = true, true
			r.mu.Unlock()
			r.open.Add(1)
			var once sync.Once
			end := func() {
				once.Do(func() {
					client.Close()
					agent.Close()
					r.mu.Lock()
					delete(r.conns, client)
					delete(r.conns, agent)
					r.mu.Unlock()
					r.open.Add(-1)
				})
			}
			r.done.Go(func() { defer end(); r.requests(agent, client) })
			r.done.Go(func() { defer end(); r.answers(client, agent) })
		}
	})
	return r, nil
}

// dialAsAnother connects from a loopback address that only this process has, as if the
// clients were another machine: the agent limits connections by address, and neither
// what the benchmark asks itself, nor what the process before has left, is to meet that
// limit. Systems other than Linux may have one loopback address only.
func dialAsAnother(agent string) (net.Conn, error) {
	pid := os.Getpid()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(pid>>8), byte(pid)|1)}}
	if conn, err := from.Dial("tcp", agent); err == nil {
		return conn, nil
	}
	return net.Dial("tcp", agent)
}

func (r *relay) address() string { return r.listener.Addr().String() }

func (r *relay) close() {
	r.listener.Close()
	r.mu.Lock()
	for c := range r.conns {
		c.Close()
	}
	r.mu.Unlock()
	r.done.Wait()
}

// requests passes on lines: queries have no body.
func (r *relay) requests(agent, client net.Conn) {
	lines := bufio.NewReader(client)
	for {
		line, err := lines.ReadSlice('\n')
		if bytes.HasPrefix(line, []byte("GET /v1/health/service/")) {
			r.queries.Add(1)
		}
		if _, failed := agent.Write(line); failed != nil || err != nil && err != bufio.ErrBufferFull {
			return
		}
	}
}

// answers passes on what the agent says. It refuses a connection in its first
// answer.
func (r *relay) answers(client, agent net.Conn) {
	first := make([]byte, 4096)
	n, err := agent.Read(first)
	if bytes.HasPrefix(first[:n], []byte("HTTP/1.1 429 ")) {
		r.refused.Add(1)
	}
	if _, failed := client.Write(first[:n]); failed != nil || err != nil {
		return
	}
	_, _ = io.Copy(client, agent)
}
