package adapter

// What a Balancer hears of connections.

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"
)

// Up and down take turns, until Close, and a connection that is lost is made again.
func TestPolicyUpAndDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ups := 0
		b := &scriptBalancer{}
		b.up = func(a Address) func(error) {
			if ups++; ups == 3 {
				return nil // which takes the place of what it has returned before
			}
			return func(error) { b.record("down " + a.Addr) }
		}
		h := newHalves(t, b)
		one, two := Address{Addr: "a:1"}, Address{Addr: "b:1"}
		h.list(one)
		sc := h.subConns[0]
		for _, step := range []struct {
			enter, want connectivity.State
			connects    int
		}{
			{connectivity.Connecting, connectivity.Connecting, 1},
			{connectivity.Ready, connectivity.Ready, 1},
			{connectivity.Idle, connectivity.Connecting, 2},
			{connectivity.Ready, connectivity.Ready, 2},
			{connectivity.TransientFailure, connectivity.TransientFailure, 2},
			{connectivity.Ready, connectivity.Ready, 2},
			{connectivity.TransientFailure, connectivity.TransientFailure, 2},
			{connectivity.Ready, connectivity.Ready, 2},
		} {
			sc.enter(step.enter)
			if h.state() != step.want || sc.connects != step.connects {
				t.Errorf("after %v: %v, and Connect was called %d times; want %v, %d", step.enter, h.state(), sc.connects, step.want, step.connects)
			}
		}
		h.list()
		if h.state() != connectivity.TransientFailure {
			t.Errorf("%v without addresses", h.state())
		}
		sc.enter(connectivity.Ready) // late: it has been removed
		if sc.enter(connectivity.Idle); sc.connects != 2 {
			t.Error("a SubConn that was removed is connected again")
		}
		h.list(one, two)
		h.subConns[1].enter(connectivity.Ready)
		h.resolver.Close()
		h.subConns[1].enter(connectivity.Idle)
		h.subConns[2].enter(connectivity.Ready)
		h.policy.Close()
		want := "Start, Notify, Up a:1, down a:1, Up a:1, down a:1, Up a:1, Up a:1, down a:1, Up a:1, down a:1, Close"
		if got := strings.Join(b.recorded(), ", "); got != want {
			t.Errorf("calls\n%s, want\n%s", got, want)
		}
	})
}

// A Balancer that knows its addresses by == hears of each pointer it names: down and
// Up are for an address that is connected and has another pointer as its Metadata,
// and for none that has only moved in the list or is being connected.
func TestUpForEachPointer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type zone struct{ name string }
		var ups, downs []Address
		h := newHalves(t, &scriptBalancer{up: func(a Address) func(error) {
			ups = append(ups, a)
			return func(error) { downs = append(downs, a) }
		}})
		var c [4]Address
		for i := range c {
			c[i] = Address{Addr: "c:1", Metadata: &zone{"c"}}
		}
		a, b := Address{Addr: "a:1", Metadata: []string{"not comparable"}}, Address{Addr: "b:1"}
		h.list(a, b, c[0])
		h.subConns[0].enter(connectivity.Ready)
		h.subConns[1].enter(connectivity.Ready)
		h.list(b, a, c[1])
		h.subConns[2].enter(connectivity.Ready)
		h.list(b, c[2], a)
		h.list(c[3], c[3])
		h.close()
		if want := []Address{a, b, c[1], c[2], c[3]}; !reflect.DeepEqual(ups, want) || ups[4] != c[3] || ups[3] != c[2] || ups[2] != c[1] {
			t.Errorf("Up of %v, want %v", ups, want)
		}
		if len(downs) != 5 || downs[0] != c[1] || downs[1] != c[2] || downs[4] != c[3] || len(h.subConns) != 3 {
			t.Errorf("down of %v over %d SubConns, want those that are up, over 3", downs, len(h.subConns))
		}
	})
}

// An Up that waits for Close gets it. What it returns after that is not called: that
// life is over.
func TestUpThatReturnsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		downs := 0
		closed := make(chan struct{})
		h := newHalves(t, &scriptBalancer{
			up: func(Address) func(error) {
				<-closed
				time.Sleep(10 * closeTime)
				return func(error) { downs++ }
			},
			close: func() error { close(closed); return nil },
		})
		h.list(Address{Addr: "a:1"})
		go h.subConns[0].enter(connectivity.Ready)
		synctest.Wait() // in Up
		began := time.Now()
		h.resolver.Close()
		if took := time.Since(began); took > closeTime {
			t.Errorf("Close took %v, want %v at most", took, closeTime)
		}
		elapse(10 * closeTime)
		h.subConns[0].enter(connectivity.Idle)
		if downs != 0 || strings.Contains(log(), "panicked") {
			t.Errorf("%d downs; in the log: %s", downs, log())
		}
	})
}

// An Up or a down that panics is logged, and the next one is called all the same.
func TestUpAndDownThatPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log, ups := logged.Mark(), 0
		h := newHalves(t, &scriptBalancer{up: func(Address) func(error) {
			if ups++; ups == 1 {
				panic("not ready")
			}
			return func(error) { panic("not mine") }
		}})
		h.list(Address{Addr: "a:1"})
		for range 2 {
			h.subConns[0].enter(connectivity.Ready)
			h.subConns[0].enter(connectivity.TransientFailure)
		}
		h.close()
		for _, want := range []string{"Up panicked: not ready", "Up's function panicked: not mine"} {
			if !strings.Contains(log(), want) {
				t.Errorf("%q is not in the log", want)
			}
		}
	})
}

// A down that is running ends before Balancer.Close is called.
func TestCloseWaitsForDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scriptBalancer{}
		b.up = func(Address) func(error) {
			return func(error) {
				time.Sleep(closeTime / 4)
				b.record("down")
			}
		}
		h := newHalves(t, b)
		h.list(Address{Addr: "a:1"})
		h.subConns[0].enter(connectivity.Ready)
		go h.subConns[0].enter(connectivity.TransientFailure)
		synctest.Wait() // in down
		h.resolver.Close()
		if calls := b.recorded(); !slices.Equal(calls[len(calls)-2:], []string{"down", "Close"}) {
			t.Errorf("calls %q, want Close after down", calls)
		}
		time.Sleep(closeTime) // in which a down that Close has left behind ends
	})
}
