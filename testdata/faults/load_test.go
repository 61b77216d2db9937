package faults

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

const (
	callers = 8                     // of each ClientConn
	pause   = 50 * time.Millisecond // of each caller between two RPCs
	rpcTime = 10 * time.Second      // an RPC that takes longer has failed
	// quiet is how many RPCs in a row go elsewhere when an address is not among
	// those that take turns.
	quiet = 5 * callers
)

// load is fail-fast RPCs on a ClientConn by several callers, from start until
// stop.
type load struct {
	kind         kind
	conn         *grpc.ClientConn
	sent, failed atomic.Int64

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	gate    sync.RWMutex // held for reading during an RPC

	mu       sync.Mutex // guards what follows
	errors   []string   // the first ones
	answered int
	at       map[string]*answers // by the address of the backend
}

// answers are what has come from one address.
type answers struct {
	n     int
	last  int       // which of all answered RPCs the last one was
	began time.Time // that one
	first time.Time // when the first one came
}

func newLoad(k kind, conn *grpc.ClientConn) *load {
	l := &load{kind: k, conn: conn, at: make(map[string]*answers)}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *load) start() {
	for range callers {
		l.running.Go(l.calls)
	}
}

func (l *load) calls() {
	next := time.NewTicker(pause)
	defer next.Stop()
	for {
		select {
		case <-next.C:
		case <-l.ctx.Done():
			return
		}
		l.gate.RLock()
		l.call()
		l.gate.RUnlock()
	}
}

func (l *load) call() {
	ctx, cancel := context.WithTimeout(context.Background(), rpcTime)
	defer cancel()
	l.sent.Add(1)
	began := time.Now()
	addr, err := backend.Call(ctx, l.conn)
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.failed.Add(1)
		if len(l.errors) < 5 {
			l.errors = append(l.errors, fmt.Sprintf("%s, after %v: %v", began.Format("15:04:05.000"), time.Since(began).Round(time.Millisecond), err))
		}
		return
	}
	a := l.at[addr]
	if a == nil {
		a = &answers{first: time.Now()}
		l.at[addr] = a
	}
	l.answered++
	a.n, a.last = a.n+1, l.answered
	if began.After(a.began) {
		a.began = began
	}
}

// from is how many RPCs addr has answered, and when the first of them was.
func (l *load) from(addr string) (n int, first time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.at[addr]; a != nil {
		return a.n, a.first
	}
	return 0, time.Time{}
}

// left says whether addr answers no more, and when the last RPC began that it
// has answered.
func (l *load) left(addr string) (last time.Time, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.at[addr]
	if a == nil {
		return time.Time{}, true
	}
	return a.began, l.answered-a.last >= quiet
}

// resting runs f while no RPC is under way.
func (l *load) resting(f func()) {
	l.gate.Lock()
	defer l.gate.Unlock()
	f()
}

// firstErrors are the reasons of the first RPCs that failed.
func (l *load) firstErrors() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.errors...)
}

// stop lets the RPCs under way end. It may be called again.
func (l *load) stop() {
	l.cancel()
	l.running.Wait()
}
