package adapter

// RoundRobin by hand: what it knows, and forgets, without a ClientConn.

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/naming"
)

const noneAvailable = "there is no address available"

// refusal is the text with which Get refuses an RPC.
func refusal(t *testing.T, b Balancer) string {
	t.Helper()
	a, _, err := b.Get(t.Context(), BalancerGetOptions{})
	if status.Code(err) != codes.Unavailable {
		t.Errorf("Get: %v, %v, want Unavailable", a, err)
	}
	return status.Convert(err).Message()
}

// started is a RoundRobin that is started by hand.
func started(t *testing.T, r naming.Resolver, target string) Balancer {
	t.Helper()
	rr := RoundRobin(r)
	if err := rr.Start(target, BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	return rr
}

// What RoundRobin knew in one life: nothing of it spoils the next.
func TestRoundRobinLivesByHand(t *testing.T) {
	fail := errors.New("no such cluster")
	first, second := newScriptWatcher(), newScriptWatcher()
	rr := RoundRobin(inTurn(fail, first, second))
	if err := rr.Start("one", BalancerConfig{}); !errors.Is(err, fail) {
		t.Fatalf("Start: %v, want %v", err, fail)
	}
	if rr.Notify() != nil {
		t.Error("Notify after a Start that failed returns a channel")
	}
	if err := rr.Close(); err != nil {
		t.Errorf("Close after a Start that failed: %v", err)
	}

	start := func(target string, w *scriptWatcher, addrs ...string) []Address {
		t.Helper()
		if err := rr.Start(target, BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		if got := refusal(t, rr); got != noneAvailable {
			t.Errorf("before anything is said of target %q Get says %q, want %q", target, got, noneAvailable)
		}
		w.send(t, add(addrs...)...)
		return receive(t, "Notify", rr.Notify())
	}
	list := start("one", first, "a:1")
	down := rr.Up(list[0])
	if err := rr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, ok := <-rr.Notify(); ok {
		t.Error("Notify's channel is open after Close")
	}
	for _, a := range []Address{list[0], {Addr: "never up:1"}} {
		if rr.Up(a) != nil {
			t.Errorf("Up(%v) after Close returns a function", a)
		}
	}

	list = start("two", second, "b:1", "a:1")
	for _, want := range list { // nobody is up, and they take turns all the same
		if a, _, err := rr.Get(t.Context(), BalancerGetOptions{}); err != nil || a != want {
			t.Errorf("Get: %v, %v, want %v", a, err, want)
		}
	}
	if rr.Up(list[1]) == nil {
		t.Error("what was up in the life before is still up")
	}
	down(nil) // of the life before
	for range 2 {
		if a, _, err := rr.Get(t.Context(), BalancerGetOptions{}); err != nil || a.Addr != "a:1" {
			t.Errorf("Get: %v, %v, want the one that is up", a, err)
		}
	}
	rr.Close()

	if err := rr.Start("three", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	rr.Close()
	select {
	case <-rr.Notify():
	default:
		t.Error("the channel of a first Notify after Close is open")
	}
}

// A Start that takes over, as of a second ClientConn with the same wrapper of a
// RoundRobin: RPCs of the first go on while the watcher that it had is closed. One
// for another target begins with nothing.
func TestStartTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &slowClose{newScriptWatcher(), make(chan struct{})}
		rr := started(t, inTurn(w, newScriptWatcher()), "svc")
		lists := rr.Notify()
		w.send(t, add("a:1")...)
		rr.Up((<-lists)[0])
		go rr.Start("svc", BalancerConfig{})
		synctest.Wait() // in the watcher's Close
		if a, _, err := rr.Get(t.Context(), BalancerGetOptions{}); err != nil || a.Addr != "a:1" {
			t.Errorf("Get: %v, %v", a, err)
		}
		close(w.release)
		synctest.Wait()
		if err := rr.Start("another", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		if got := refusal(t, rr); got != noneAvailable {
			t.Errorf("Get says %q, want %q", got, noneAvailable)
		}
		rr.Close()
	})
}

type slowClose struct {
	*scriptWatcher
	release chan struct{}
}

func (w *slowClose) Close() {
	<-w.release
	w.scriptWatcher.Close()
}

// One Up, or Close, is for everybody who waits.
func TestWhatWakesThoseThatWait(t *testing.T) {
	for what, wake := range map[string]struct {
		f    func(Balancer)
		want error
	}{
		"Up":    {func(b Balancer) { b.Up(Address{Addr: "a:1"}) }, nil},
		"Close": {func(b Balancer) { b.Close() }, grpc.ErrClientConnClosing},
	} {
		synctest.Test(t, func(t *testing.T) {
			rr := started(t, nil, "a:1")
			var got atomic.Int32
			for range 3 {
				go func() {
					if _, _, err := rr.Get(t.Context(), BalancerGetOptions{BlockingWait: true}); err == wake.want {
						got.Add(1)
					}
				}()
				synctest.Wait() // it waits
			}
			wake.f(rr)
			synctest.Wait()
			if n := got.Load(); n != 3 {
				t.Errorf("%s: %d of 3 that waited have got %v", what, n, wake.want)
			}
			rr.Close() // ends what still waits
		})
	}
}

// Notify's channel has the newest list, and one that is its reader's own, until
// Close, which may come while lists are made.
func TestNotifyHasTheNewest(t *testing.T) {
	const n = 1_000
	for _, stop := range []int{1, n / 10, n / 2, n} {
		for range 10 {
			rr := started(t, newFlood(n), "svc")
			for list := range rr.Notify() {
				for i, a := range list {
					if a.Addr != fmt.Sprint("a", i+1) {
						t.Fatalf("address %d of %d is %q", i, len(list), a.Addr)
					}
					list[i].Addr = "mine"
				}
				if len(list) >= stop {
					rr.Close()
				}
			}
		}
	}
}

// The reason why there is no address is shown for as long as it is true, and no
// longer than the life that it is of.
func TestReasonComesAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newReporter()
		rr := started(t, inTurn(w, newReporter()), "svc")
		shows := func(want string) {
			t.Helper()
			synctest.Wait()
			if got := refusal(t, rr); got != noneAvailable+want {
				t.Errorf("Get says %q, want %q behind %q", got, want, noneAvailable)
			}
		}
		w.report(errors.New("no leader"))
		shows(": no leader")
		w.report(errors.New("permission denied"))
		shows(": permission denied")
		w.report(nil)
		shows("")
		w.report(errors.New("no leader"))
		w.send(t, add("a:1")...) // without saying that the trouble is over
		w.send(t, del("a:1")...)
		shows("")
		w.report(errors.New("no leader"))
		rr.Close()
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		shows("")
		rr.Close()
	})
}
