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
	callers = 8
	pause   = 25 * time.Millisecond // of each caller between two RPCs
	rpcTime = 10 * time.Second      // an RPC that takes longer has failed
)

// load is fail-fast RPCs by several callers, from start until stop.
type load struct {
	conn         grpc.ClientConnInterface
	sent, failed atomic.Int64

	ctx     context.Context
	cancel  context.CancelFunc
	running sync.WaitGroup
	gate    sync.RWMutex // held for reading during an RPC

	mu     sync.Mutex // guards errors
	errors []string   // the first ones
}

func startLoad(conn grpc.ClientConnInterface) *load {
	l := &load{conn: conn}
	l.ctx, l.cancel = context.WithCancel(context.Background())
	for range callers {
		l.running.Go(l.calls)
	}
	return l
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
	if _, err := backend.Call(ctx, l.conn); err != nil {
		l.failed.Add(1)
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.errors) < 5 {
			l.errors = append(l.errors, fmt.Sprintf("%s, after %v: %v", began.Format("15:04:05.000"), time.Since(began).Round(time.Millisecond), err))
		}
	}
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
