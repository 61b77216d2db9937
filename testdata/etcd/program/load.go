package main

import (
	"context"
	"fmt"
	"log"
	"sync"
	"syscall"
	"time"

	"github.com/coreos/etcd/clientv3"
)

const (
	writers = 4
	pause   = 10 * time.Millisecond
	putTime = 3 * time.Second
	ttl     = 30 // seconds
)

// load is writers, a watch of what they write, and a lease that is kept alive.
type load struct {
	client  *clientv3.Client
	ctx     context.Context // that of the watch and the lease
	cancel  context.CancelFunc
	lease   clientv3.LeaseID
	stop    chan struct{}
	writing sync.WaitGroup
	gate    sync.RWMutex // held for reading by each put
	resting bool

	mu   sync.Mutex // guards what follows
	now  answer
	last [writers]time.Time // success
	cpu  time.Duration
	wait map[int64]bool // revisions: true if written and not seen, false if seen first
}

func startLoad(c *clientv3.Client) (*load, error) {
	l := &load{client: c, stop: make(chan struct{}), wait: make(map[int64]bool)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	lease, err := c.Grant(l.ctx, ttl)
	if err != nil {
		return nil, err
	}
	l.lease = lease.ID
	put, err := c.Put(l.ctx, "lease", "", clientv3.WithLease(l.lease))
	if err != nil {
		return nil, err
	}
	alive, err := c.KeepAlive(l.ctx, l.lease)
	if err != nil {
		return nil, err
	}
	go func() {
		for range alive {
		}
		if l.ctx.Err() == nil {
			log.Print("the client has given up the lease")
		}
	}()
	go l.watch(c.Watch(l.ctx, "load/", clientv3.WithPrefix(), clientv3.WithRev(put.Header.Revision)))
	l.mark()
	for w := 0; w < writers; w++ {
		l.last[w] = time.Now()
		l.writing.Add(1)
		go l.write(w)
	}
	return l, nil
}

func (l *load) write(w int) {
	defer l.writing.Done()
	for {
		select {
		case <-l.stop:
			return
		case <-time.After(pause):
		}
		l.gate.RLock()
		l.put(w)
		l.gate.RUnlock()
	}
}

func (l *load) put(w int) {
	ctx, cancel := context.WithTimeout(context.Background(), putTime)
	defer cancel()
	put, err := l.client.Put(ctx, fmt.Sprintf("load/%d", w), time.Now().String())
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.now.Failed[err.Error()]++
		return
	}
	now := time.Now()
	if gap := now.Sub(l.last[w]).Seconds(); gap > l.now.Gap {
		l.now.Gap = gap
	}
	l.last[w] = now
	l.now.Puts++
	l.now.Members[put.Header.MemberId]++
	l.settle(put.Header.Revision, true)
}

// settle notes one of the two times that a revision is heard of.
func (l *load) settle(revision int64, written bool) {
	if before, ok := l.wait[revision]; ok && before != written {
		delete(l.wait, revision)
		return
	}
	l.wait[revision] = written
}

func (l *load) watch(events clientv3.WatchChan) {
	for r := range events {
		l.mu.Lock()
		for _, e := range r.Events {
			l.settle(e.Kv.ModRevision, false)
		}
		l.mu.Unlock()
		if err := r.Err(); err != nil && l.ctx.Err() == nil {
			log.Print("watch: ", err)
		}
	}
}

// mark returns what happened since it was called last.
func (l *load) mark() answer {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	cpu := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.now
	a.CPU = (cpu - l.cpu).Seconds()
	for _, last := range l.last {
		if gap := time.Since(last).Seconds(); gap > a.Gap && !l.resting {
			a.Gap = gap
		}
	}
	l.cpu = cpu
	l.now = answer{Failed: make(map[string]int), Members: make(map[uint64]int)}
	return a
}

// rest lets the writers rest, or work again.
func (l *load) rest(yes bool) {
	if yes == l.resting {
		return
	}
	if l.resting = yes; yes {
		l.gate.Lock()
		return
	}
	l.mu.Lock()
	for w := range l.last {
		l.last[w] = time.Now()
	}
	l.mu.Unlock()
	l.gate.Unlock()
}

// finish ends the load, and says what watch and lease have come through.
func (l *load) finish() answer {
	close(l.stop)
	l.writing.Wait()
	a := l.mark()
	for i := 0; i < 500; i++ {
		if a.Unseen = l.unseen(); a.Unseen == 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	ctx, cancel := context.WithTimeout(context.Background(), putTime)
	defer cancel()
	if alive, err := l.client.TimeToLive(ctx, l.lease); err != nil || alive.TTL <= 0 {
		a.Lost = fmt.Sprintf("%v, %v", alive, err)
	}
	l.cancel()
	return a
}

func (l *load) unseen() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, written := range l.wait {
		if written {
			n++
		}
	}
	return n
}
