package bench

import (
	"context"
	"net"
	"sync"
)

// probe sees what every client has learnt: which addresses have come, and which
// have gone, and how often.
type probe struct {
	mu      sync.Mutex // guards what follows
	changed *sync.Cond
	added   map[string]int
	removed map[string]int
	total   int // of added
}

func newProbe() *probe {
	p := &probe{added: make(map[string]int), removed: make(map[string]int)}
	p.changed = sync.NewCond(&p.mu)
	return p
}

func (p *probe) add(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.added[addr]++
	p.total++
	p.changed.Broadcast()
}

func (p *probe) remove(addr string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.removed[addr]++
	p.changed.Broadcast()
}

// dial is a dialer that goes on trying until it is told not to: a ClientConn
// dials every address that it learns, and gives up on those that go. There are
// 1,000 addresses and 300 ClientConns, and 300,000 connections would measure the
// machine.
func (p *probe) dial(ctx context.Context, addr string) (net.Conn, error) {
	p.add(addr)
	<-ctx.Done()
	p.remove(addr)
	return nil, ctx.Err()
}

// await waits until ok, given what has been seen so far, or ctx ends, and says
// whether ok.
func (p *probe) await(ctx context.Context, ok func() bool) bool {
	defer context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.changed.Broadcast()
	})()
	p.mu.Lock()
	defer p.mu.Unlock()
	for !ok() {
		if ctx.Err() != nil {
			return false
		}
		p.changed.Wait()
	}
	return true
}
