package faults

import (
	"context"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// 300 ClientConns, half of them native, are open at once when faults begin, and 2,000 changes a minute;
// meanwhile they are closed, and others opened, at random. No RPC fails, each set is
// one that was, and all that was used is given back. Nothing else may run in this
// process.
func TestChurn(t *testing.T) {
	agent := realAgent(t)
	tr := newTrial(t, "churn and faults, 300 ClientConns at once")
	tr.at(inCatalog{agent.Client(), tr.service})
	tr.serve(3)
	door := newDoor(t, agent.Address())
	tr.dial(source{agent: door.address()})
	// Twenty have queries of their own, whose failures are lines of the log of
	// their own.
	own := inCatalog{agent.Client(), tr.service + "-own"}
	var instances []instance
	for _, b := range tr.backends {
		instances = append(instances, tr.instance("own-"+b.Addr(), b))
	}
	tr.must(own.put(instances...))
	transport := &http.Transport{}
	client, err := api.NewClient(&api.Config{Address: door.address(), Transport: transport, Token: "anonymous"})
	tr.must(err)
	pool := tr.newPool()
	tr.begin()
	var before usage
	tr.resting(func() { before = use() })

	c := &crowd{}
	tr.crowd = c
	var open sync.WaitGroup // members that have not made an RPC yet
	open.Add(conns)
	faulty := make(chan struct{})
	for i := range conns {
		c.running.Go(func() {
			k, s, service := kind(i%kinds), source{agent: door.address()}, tr.service
			lives := 2
			if i%15 == 0 {
				wait := 30*time.Second + time.Duration(i)*time.Millisecond
				of := consulnaming.QueryOptions(&api.QueryOptions{WaitTime: wait})
				s = source{client: client, options: []consulnaming.Option{of}}
				service = own.service
				lives = 1 // whoever begins under a fault knows nothing
			}
			conn := c.open(tr, k, s, service)
			open.Done()
			<-faulty
			for life := 1; ; life++ {
				c.live(tr, k, conn)
				if life == lives {
					return
				}
				conn = c.open(tr, k, s, service)
			}
		})
	}
	open.Wait()
	began := time.Now()
	churn := tr.startChurn(pool)
	ctx, cancel := context.WithCancel(context.Background())
	var spelling sync.WaitGroup
	spelling.Go(func() { door.everyFault(ctx) })
	close(faulty)
	c.running.Wait()
	lasts := span(6*time.Second, 5*time.Minute)
	time.Sleep(time.Until(began.Add(lasts))) // for so long it churns
	// A machine that is busy may take longer for as many changes.
	testwait.Until(t, "the catalogue has been changed as often as it should be", func() bool {
		return churn.changes.Load() >= int64(lasts.Minutes()*perMinute)
	})
	cancel()
	spelling.Wait()
	churn.stop()
	rate := float64(churn.changes.Load()) / time.Since(began).Minutes()
	transport.CloseIdleConnections()
	door.transport.CloseIdleConnections()
	tr.over(func() { tr.clear(pool) })
	tr.must(own.remove(instances...))
	t.Logf("%d changes, %.0f a minute, %d ClientConns", churn.changes.Load(), rate, c.opened.Load())
	givenBack(t, before)
}

// conns is how many ClientConns are open at once.
const conns = 300

// open dials and makes an RPC.
func (c *crowd) open(tr *trial, k kind, s source, service string) *grpc.ClientConn {
	conn, err := s.dial(k, service, nil)
	if err != nil {
		tr.t.Error(err)
		return nil
	}
	c.opened.Add(1)
	c.call(tr, k, conn)
	return conn
}

// live makes RPCs at random and closes.
func (c *crowd) live(tr *trial, k kind, conn *grpc.ClientConn) {
	if conn == nil {
		return
	}
	defer conn.Close()
	for range 1 + rand.IntN(5) {
		time.Sleep(rand.N(span(600*time.Millisecond, 6*time.Second)))
		c.call(tr, k, conn)
	}
}

func (c *crowd) call(tr *trial, k kind, conn *grpc.ClientConn) {
	c.sent[k].Add(1)
	// Not rpcTime: 300 ClientConns connect at once, which takes seconds of a processor
	// with the race detector.
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Patience)
	defer cancel()
	if _, err := backend.Call(ctx, conn); err != nil {
		c.failed[k].Add(1)
		tr.t.Errorf("%v: an RPC of one of many ClientConns: %v", k, err)
	}
}

// everyFault has one fault follow the other until ctx ends.
func (d *door) everyFault(ctx context.Context) {
	for spells := d.spells(); ; {
		for _, s := range spells {
			_ = s.begin()
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
			}
			_ = s.end()
			if ctx.Err() != nil {
				return
			}
		}
	}
}
