package adapter

// The bridge without a ClientConn: Starts, Ups and downs that take long.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// startedBridge is the bridge of a policy that has a started Balancer and one
// address, whose SubConn it returns too.
func startedBridge(t *testing.T, b Balancer) (*bridge, *fakeSubConn) {
	t.Helper()
	p, cc, tell := policyUnderTest(b)
	t.Cleanup(p.Close)
	tell(v1State{addresses: []Address{{Addr: "a:1"}}}, "a:1")
	p.bridge.cc = &toldConn{}
	p.bridge.open()
	return p.bridge, cc.subConns[0]
}

// What an Up returns after the Balancer has been closed is not called: that life
// is over.
func TestUpThatReturnsAfterClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		downs := 0
		bridge, sc := startedBridge(t, &scriptBalancer{up: func(Address) func(error) {
			time.Sleep(10 * closeTime)
			return func(error) { downs++ }
		}})
		go sc.enter(connectivity.Ready)
		synctest.Wait() // in Up
		began := time.Now()
		bridge.Close()
		if took := time.Since(began); took > closeTime {
			t.Errorf("Close took %v, want %v at most", took, closeTime)
		}
		time.Sleep(10 * closeTime)
		synctest.Wait()
		sc.enter(connectivity.Idle)
		if downs != 0 || strings.Contains(log(), "panicked") {
			t.Errorf("%d downs; in the log: %s", downs, log())
		}
	})
}

// An Up that waits for Close gets it.
func TestUpThatWaitsForClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := make(chan struct{})
		b := &scriptBalancer{
			up: func(Address) func(error) {
				select {
				case <-closed:
				case <-time.After(time.Minute):
				}
				return nil
			},
			close: func() error { close(closed); return nil },
		}
		bridge, sc := startedBridge(t, b)
		go sc.enter(connectivity.Ready)
		synctest.Wait() // in Up
		bridge.Close()
		if !slices.Contains(b.recorded(), "Close") {
			t.Errorf("calls %q: Balancer.Close waits for Up", b.recorded())
			time.Sleep(time.Minute)
		}
		synctest.Wait()
	})
}

// A down that is running ends before Balancer.Close is called.
func TestCloseWaitsForDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &scriptBalancer{}
		b.up = func(a Address) func(error) {
			return func(error) {
				time.Sleep(closeTime / 4)
				b.record("down " + a.Addr)
			}
		}
		bridge, sc := startedBridge(t, b)
		sc.enter(connectivity.Ready)
		go sc.enter(connectivity.TransientFailure)
		synctest.Wait() // in down
		bridge.Close()
		if got, want := fmt.Sprint(b.recorded()), "[Start Notify Up a:1 down a:1 Close]"; got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
		time.Sleep(closeTime) // in which a down that Close has left behind ends
	})
}

// Dial waits ten seconds for a Start, and says so when it gives up.
func TestDialWaitsForStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		release := make(chan struct{})
		balancer := &scriptBalancer{start: func(string, BalancerConfig) error { <-release; return errors.New("no") }}
		b := newBridge(&balancerOption{balancer: balancer}, "svc", &toldConn{}, resolver.BuildOptions{})
		began := time.Now()
		b.open()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
		if !strings.Contains(log(), "Start has not returned") {
			t.Error("the log does not say what takes so long")
		}
		// One that ends after Close is no failure.
		b.Close()
		log = logged.Mark()
		close(release)
		synctest.Wait()
		if text := log(); text != "" {
			t.Errorf("after Close the log says %q", text)
		}
	})
}
