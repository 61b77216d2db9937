package faults

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

const (
	perMinute = 2000 // registrations, deregistrations and flaps
	pool      = 12   // backends that come and go
)

// churn changes the catalogue at random.
type churn struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	changes atomic.Int64
	gate    sync.Mutex // held during a change
}

// newPool starts the backends that will come and go.
func (tr *trial) newPool() []instance {
	tr.t.Helper()
	instances := make([]instance, pool)
	for i := range instances {
		instances[i] = tr.instance("pool-"+string(rune('a'+i)), tr.backend())
	}
	return instances
}

// startChurn has instances, none of which is registered, come and go, and be sick
// and healthy. A change that fails is made again.
func (tr *trial) startChurn(instances []instance) *churn {
	c := &churn{}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	c.running.Go(func() {
		in := make([]bool, len(instances))
		// Those that are late are made up for.
		for due := time.Now(); ; due = due.Add(time.Minute / perMinute) {
			select {
			case <-time.After(time.Until(due)):
			case <-ctx.Done():
				return
			}
			c.gate.Lock()
			n := rand.IntN(len(instances))
			i := &instances[n]
			change := func() error { return tr.catalogue.put(*i) }
			switch {
			case !in[n]:
				in[n] = true
			case rand.IntN(2) == 0:
				in[n], i.sick = false, false
				change = func() error { return tr.catalogue.remove(*i) }
			default:
				i.sick = !i.sick
			}
			for change() != nil && ctx.Err() == nil {
				time.Sleep(100 * time.Millisecond) // Consul is away
			}
			c.changes.Add(1)
			c.gate.Unlock()
		}
	})
	tr.t.Cleanup(c.stop)
	return c
}

// stop may be called again.
func (c *churn) stop() {
	c.cancel()
	c.running.Wait()
}

// clear removes what a churn has left in the catalogue.
func (tr *trial) clear(instances []instance) {
	tr.t.Helper()
	for _, i := range instances {
		tr.persist("deregister", func() error { return tr.catalogue.remove(i) })
	}
}

// crowd is ClientConns that are opened and closed at random.
type crowd struct {
	cancel       context.CancelFunc
	running      sync.WaitGroup
	opened       atomic.Int64
	sent, failed [kinds]atomic.Int64
}

// startCrowd has ten of them open at a time, until stop.
func (tr *trial) startCrowd(agent string) *crowd {
	c := &crowd{}
	var ctx context.Context
	ctx, c.cancel = context.WithCancel(context.Background())
	for range 10 {
		c.running.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				c.member(tr, source{agent: agent}, kind(n%kinds), n/kinds%2 == 0)
			}
		})
	}
	tr.crowd = c
	tr.t.Cleanup(c.stop)
	return c
}

// member is one of them. Every second of a kind is bare, as users have it.
func (c *crowd) member(tr *trial, s source, k kind, bare bool) {
	var o *observer
	if !bare {
		o = newObserver(k)
		defer tr.catalogue.watch(o, observersOf(k, tr.clients)[0])()
	}
	conn, err := s.dial(k, tr.service, o)
	if err != nil {
		tr.t.Error(err)
		return
	}
	defer conn.Close()
	c.opened.Add(1)
	for range rand.IntN(10) {
		c.call(tr, k, conn)
		time.Sleep(rand.N(50 * time.Millisecond))
	}
	if bare {
		return
	}
	for _, w := range o.complaints() {
		tr.t.Errorf("one of many ClientConns: %s", w)
	}
}

// stop may be called again.
func (c *crowd) stop() {
	c.cancel()
	c.running.Wait()
}

// givenBack waits until no more is used than before.
func givenBack(t *testing.T, before usage) {
	t.Helper()
	var after usage
	ctx := testwait.Context(t)
	for after = use(); !after.within(before); after = use() {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("not all is given back; before: %v; after: %v", before, after)
		}
	}
	t.Logf("before: %v; after: %v", before, after)
}

// within says whether u is no more than before, but for what a heap may vary.
func (u usage) within(before usage) bool {
	// Package http keeps an idle connection or two to the agent, and Go half a
	// kilobyte of each goroutine that there was at once (runtime.malg): of both ends
	// of 300 ClientConns to 15 backends up to 20,000, the more the slower a machine.
	// A ClientConn that is left has goroutines, which are counted to one.
	return u.goroutines <= before.goroutines && u.files <= before.files+2 && u.heap <= before.heap+14e6
}
