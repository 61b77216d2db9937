package adapter

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/balancer"

	"github.com/grpcnaming/grpcnaming/internal/follow"
)

// luck decides on what a machine's callbacks do, which come on any goroutine, in
// an order that no seed decides. So it is not the generator of the steps.
type luck struct {
	calm atomic.Bool // nothing goes wrong by chance, and no callback is asleep

	mu  sync.Mutex // guards what follows
	rnd *rand.Rand
}

func (l *luck) n(n int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.rnd.IntN(n)
}

// chance is true once in n times, and never in a calm.
func (l *luck) chance(n int) bool { return !l.calm.Load() && l.n(n) == 0 }

// enter begins each callback but put, which comes when an RPC is over.
func (m *machine) enter(what string) {
	m.late(what, m.over.Load())
	m.meddle()
}

// late faults what is called though it is over. What was about to be called when
// that was said may still be: the bubble's clock has not moved by then.
func (m *machine) late(what string, over *time.Time) {
	if over != nil && time.Now().After(*over) {
		m.fault("%s is called %v after the end", what, time.Since(*over))
	}
}

// meddle is called within a callback and uses what a user would use there. It
// waits for ever if it is called with a lock of this package held.
func (m *machine) meddle() {
	m.takeLocks()
	if conn := m.dialled.Load(); conn != nil {
		conn.GetState()
	}
	if m.luck.chance(3) { // the Balancer is used by hand, too
		m.balancer.Get(context.Background(), BalancerGetOptions{})
		m.balancer.Notify()
	}
	if m.recorder == nil && m.luck.chance(3) {
		if down := m.balancer.Up(Address{Addr: "by hand"}); down != nil {
			down(nil)
		}
	}
	if m.luck.chance(10) {
		time.Sleep(time.Duration(m.luck.n(100)) * time.Millisecond)
	}
}

// takeLocks takes each lock that a callback could be called under.
func (m *machine) takeLocks() {
	pass := func(l sync.Locker) {
		l.Lock()
		defer l.Unlock()
	}
	if p := latestPolicy.Load(); p != nil {
		pass(&p.mu)
	}
	if b := m.option.latest.Load(); b != nil {
		pass(&b.mu)
	}
	if rr, ok := m.balancer.(*roundRobin); ok {
		rr.mu.Lock()
		l := rr.life
		rr.mu.Unlock()
		if l != nil {
			follow.Known[Address](l.watch) // has a lock, too; those within internal/follow have a test there
		}
	}
}

// policySpy takes policyBuilder's place in all tests; see TestMain.
type policySpy struct{ policyBuilder }

// latestPolicy is that of the machine that is running.
var latestPolicy atomic.Pointer[policy]

func (s policySpy) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	p := s.policyBuilder.Build(cc, o).(*policy)
	latestPolicy.Store(p)
	return p
}
