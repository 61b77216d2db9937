package adapter

import (
	"slices"
	"sync"
	"testing"
)

// healthFilter hides addresses that fail a health check from gRPC, and leaves
// everything else to the balancer that it wraps.
type healthFilter struct {
	Balancer

	mu     sync.Mutex
	sick   map[string]bool
	all    []Address
	notify chan []Address // nil when closed
}

func newHealthFilter(b Balancer) *healthFilter {
	return &healthFilter{Balancer: b, sick: make(map[string]bool)}
}

func (f *healthFilter) Start(target string, config BalancerConfig) error {
	if err := f.Balancer.Start(target, config); err != nil {
		return err
	}
	f.mu.Lock()
	f.notify = make(chan []Address, 1)
	f.mu.Unlock()
	lists := f.Balancer.Notify()
	go func() {
		for list := range lists {
			f.mu.Lock()
			f.all = list
			f.publish()
			f.mu.Unlock()
		}
	}()
	return nil
}

func (f *healthFilter) publish() {
	if f.notify == nil {
		return
	}
	healthy := slices.DeleteFunc(slices.Clone(f.all), func(a Address) bool { return f.sick[a.Addr] })
	select {
	case <-f.notify:
	default:
	}
	f.notify <- healthy
}

// checked is the outcome of a health check.
func (f *healthFilter) checked(addr string, healthy bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sick[addr] = !healthy
	f.publish()
}

func (f *healthFilter) Notify() <-chan []Address {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.notify
}

func (f *healthFilter) Close() error {
	err := f.Balancer.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	close(f.notify)
	f.notify = nil
	return err
}

func TestShapeHealthFilter(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	f := newHealthFilter(RoundRobin(r))
	conn := dial(t, "svc", WithBalancer(f))
	w := r.watcher(t, 0)
	w.send(t, add(addrsOf(b[:2]...)...)...)
	callAll(t, conn, b[:2]...)
	f.checked(b[1].Addr(), false)
	callAll(t, conn, b[0])
	w.send(t, add(b[2].Addr())...)
	callAll(t, conn, b[0], b[2])
	f.checked(b[1].Addr(), true)
	callAll(t, conn, b...)
	w.send(t, del(b[1].Addr())...)
	callAll(t, conn, b[0], b[2])
	for _, a := range addrsOf(b...) {
		f.checked(a, false)
	}
	untilWaiting(t, conn) // RoundRobin still names them, and knows no better
	done := waitingRPC(t, conn)
	f.checked(b[2].Addr(), true)
	mustSucceed(t, done)
	callAll(t, conn, b[2])
}
