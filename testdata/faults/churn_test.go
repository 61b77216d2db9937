package faults

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

const (
	perMinute = 2000 // registrations, deregistrations and flaps
	pool      = 12   // backends that come and go
	conns     = 300  // ClientConns that are opened and closed
)

// churn changes the catalogue at random.
type churn struct {
	cancel  context.CancelFunc
	running sync.WaitGroup
	changes atomic.Int64
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
		next := time.NewTicker(time.Minute / perMinute)
		defer next.Stop()
		for {
			select {
			case <-next.C:
			case <-ctx.Done():
				return
			}
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

// startConns has ClientConns opened and closed at random until stop.
func (tr *trial) startConns(r func() *observer) (opened *atomic.Int64, stop func()) {
	opened = new(atomic.Int64)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range 10 {
		running.Go(func() {
			for ctx.Err() == nil {
				o := r()
				unwatch := tr.catalogue.watch(o)
				conn, err := grpc.Dial("", grpc.WithInsecure(), adapter.WithBalancer(o))
				if err != nil {
					tr.t.Error(err)
					return
				}
				opened.Add(1)
				for range rand.IntN(10) {
					if _, err := backend.Call(context.Background(), conn); err != nil {
						tr.t.Errorf("an RPC of one of many ClientConns: %v", err)
					}
					time.Sleep(rand.N(50 * time.Millisecond))
				}
				conn.Close()
				unwatch()
				for _, w := range o.complaints() {
					tr.t.Errorf("one of many ClientConns: %s", w)
				}
			}
		})
	}
	return opened, func() {
		cancel()
		running.Wait()
	}
}

// 2,000 changes a minute, and ClientConns that come and go meanwhile: no RPC
// fails, each set is one that was, and all that was used is given back. Nothing
// else may run in this process.
func TestChurn(t *testing.T) {
	agent := realAgent(t)
	tr := newTrial(t, "churn, 300 ClientConns")
	tr.at(inCatalog{agent.Client(), tr.service})
	tr.serve(3)
	tr.dial(consulnaming.NewConsulResolver(agent.Address(), tr.service))
	instances := tr.newPool()
	tr.begin()
	var before usage
	tr.resting(func() { before = use() })

	began := time.Now()
	churn := tr.startChurn(instances)
	opened, stop := tr.startConns(func() *observer {
		return newObserver(adapter.RoundRobin(consulnaming.NewConsulResolver(agent.Address(), tr.service)))
	})
	testwait.Until(t, "there were enough ClientConns", func() bool { return opened.Load() >= conns })
	time.Sleep(time.Until(began.Add(span(15*time.Second, 5*time.Minute)))) // for so long it churns
	stop()
	churn.stop()
	if rate := float64(churn.changes.Load()) / time.Since(began).Minutes(); rate < perMinute*0.9 {
		t.Errorf("%.0f changes a minute, want %d", rate, perMinute)
	}
	tr.over(func() { tr.clear(instances) })
	t.Logf("%d changes, %d ClientConns", churn.changes.Load(), opened.Load())
	var after usage
	testwait.Until(t, "all is given back", func() bool {
		after = use()
		return after.goroutines <= before.goroutines && after.files <= before.files && after.heap <= before.heap+4e6
	})
	t.Logf("before: %v; after: %v", before, after)
}
