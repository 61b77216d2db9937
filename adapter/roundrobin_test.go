package adapter

// RoundRobin by hand: what it knows, and forgets, without a ClientConn.

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
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

// The next life knows nothing of why the one before had no address, and whatever
// that one's watcher still has to say comes too late.
func TestLateOfTheLifeBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		former := &lateReporter{unclosable: unclosable{newScriptWatcher()}}
		calls := 0
		rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
			if calls++; calls == 1 {
				return former, nil
			}
			return newScriptWatcher(), nil
		}})
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		former.report(errors.New("no leader"))
		if got, want := refusal(t, rr), noneAvailable+": no leader"; got != want {
			t.Errorf("Get says %q, want %q", got, want)
		}
		rr.Close()
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		if got := refusal(t, rr); got != noneAvailable {
			t.Errorf("in the second life Get says %q, want %q", got, noneAvailable)
		}

		former.report(errors.New("late"))
		former.send(t, add("late:1")...)
		synctest.Wait()
		select {
		case list := <-rr.Notify():
			t.Errorf("Notify delivers %v, which is late", list)
		default:
		}
		if got := refusal(t, rr); got != noneAvailable {
			t.Errorf("after what was late Get says %q, want %q", got, noneAvailable)
		}
		rr.Close()
	})
}

// lateReporter is an ErrorReporter, which has its say after Close too.
type lateReporter struct {
	unclosable
	report func(error)
}

func (w *lateReporter) OnError(f func(error)) { w.report = f }

// A watcher may deliver again without saying that its trouble is over.
func TestReasonEndsWithUpdates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		watchers, r := reportingResolver()
		b := startByHand(t, r)
		w := <-watchers
		w.reasons <- errors.New("no leader")
		w.send(t, add("a:1")...)
		w.send(t, del("a:1")...)
		b.after(0)
		if got := refusal(t, b); got != noneAvailable {
			t.Errorf("Get says %q, want %q", got, noneAvailable)
		}
		b.Close()
	})
}

// A Start for another target, though there was no Close, begins with nothing.
func TestStartForAnotherTarget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &scriptResolver{}
		b := startByHand(t, r)
		r.watcher(t, 0).send(t, add("a:1")...)
		b.after(0, "a:1")
		b.Up(Address{Addr: "a:1"})
		if a, _, err := b.Get(t.Context(), BalancerGetOptions{}); err != nil || a.Addr != "a:1" {
			t.Errorf("Get: %v, %v", a, err)
		}
		if err := b.Start("another", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		if got := refusal(t, b); got != noneAvailable {
			t.Errorf("Get says %q, want %q", got, noneAvailable)
		}
		b.Close()
	})
}

// A Start that takes over, as of a second ClientConn with the same wrapper of a
// RoundRobin: RPCs of the first go on while the watcher that it had is closed.
func TestGetWhileStartTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		w := &slowClose{newScriptWatcher(), release}
		b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) { return w, nil }})
		w.send(t, add("a:1")...)
		b.after(0, "a:1")
		b.Up(Address{Addr: "a:1"})
		go b.Start("svc", BalancerConfig{})
		synctest.Wait() // in the watcher's Close
		if a, _, err := b.Get(t.Context(), BalancerGetOptions{}); err != nil || a.Addr != "a:1" {
			t.Errorf("Get: %v, %v", a, err)
		}
		close(release)
		synctest.Wait()
		b.Close()
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

// One Up is for everybody who waits.
func TestUpWakesEachThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rr := RoundRobin(nil)
		if err := rr.Start("a:1", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		var got atomic.Int32
		for range 3 {
			go func() {
				if a, _, err := rr.Get(t.Context(), BalancerGetOptions{BlockingWait: true}); err == nil && a.Addr == "a:1" {
					got.Add(1)
				}
			}()
			synctest.Wait() // it waits
		}
		rr.Up(Address{Addr: "a:1"})
		synctest.Wait()
		if n := got.Load(); n != 3 {
			t.Errorf("%d of 3 that waited have got the address", n)
		}
		rr.Close() // ends what still waits
	})
}

// Close while the goroutine behind Notify makes lists: it ends, and so does its
// channel.
func TestCloseWhileListing(t *testing.T) {
	for range 50 {
		rr := RoundRobin(newFlood(1_000))
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		lists := rr.Notify()
		receive(t, "a list", lists)
		if err := rr.Close(); err != nil {
			t.Fatal(err)
		}
		for range lists {
		}
	}
}

// The picks of RPCs take turns as Get by hand does, with one counter for both, and
// end with the RoundRobin.
func TestTurns(t *testing.T) {
	rr := RoundRobin(newFlood(4))
	if err := rr.Start("svc", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	lists := rr.Notify()
	var list []Address
	for len(list) < 4 {
		list = receive(t, "a list", lists)
	}
	p, cc, tell := policyUnderTest(rr)
	defer p.Close()
	tell(v1State{addresses: list}, "a1", "a2", "a3", "a4")
	pick := func() (string, error) {
		r, err := cc.last().Picker.Pick(balancer.PickInfo{Ctx: t.Context()})
		if err != nil {
			return "", err
		}
		return r.SubConn.(*fakeSubConn).addr, nil
	}
	if _, err := pick(); err != balancer.ErrNoSubConnAvailable {
		t.Fatalf("%v before anything is connected", err)
	}
	for _, i := range []int{3, 0, 2} { // in any order
		cc.subConns[i].enter(connectivity.Ready)
	}
	get := func() (string, error) {
		a, _, err := rr.Get(t.Context(), BalancerGetOptions{})
		return a.Addr, err
	}
	var got []string
	for i := range 9 {
		from := pick
		if i%2 == 1 {
			from = get
		}
		addr, err := from()
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, addr)
	}
	start := slices.Index([]string{"a1", "a3", "a4"}, got[0])
	for i, addr := range got {
		if want := []string{"a1", "a3", "a4"}[(start+i)%3]; addr != want {
			t.Fatalf("%v: not in turns", got)
		}
	}
	cc.subConns[0].enter(connectivity.TransientFailure)
	for range 4 {
		if addr, err := pick(); err != nil || addr == "a1" {
			t.Fatalf("%q, %v: it is not connected", addr, err)
		}
	}
	if err := rr.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pick(); err != grpc.ErrClientConnClosing {
		t.Errorf("%v after Close", err)
	}
}

// Neither a pick nor Get allocates.
func TestPicksAllocateNothing(t *testing.T) {
	rr := RoundRobin(nil)
	if err := rr.Start("a1", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	defer rr.Close()
	p, cc, tell := policyUnderTest(rr)
	defer p.Close()
	tell(v1State{addresses: []Address{{Addr: "a1"}}}, "a1")
	cc.subConns[0].enter(connectivity.Ready)
	picker, info := cc.last().Picker, balancer.PickInfo{Ctx: t.Context()}
	for what, f := range map[string]func() error{
		"pick": func() error { _, err := picker.Pick(info); return err },
		"Get":  func() error { _, _, err := rr.Get(info.Ctx, BalancerGetOptions{}); return err },
	} {
		if n := testing.AllocsPerRun(1_000, func() {
			if err := f(); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations per %s", n, what)
		}
	}
}

// A watcher that was in use before goes on where it was, unless what it says first
// after an error lists some of what is known once more.
func TestSameWatcherListsAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &unclosable{newScriptWatcher()}
		b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) { return w, nil }})
		w.send(t, add("a:1", "b:1")...)
		b.after(time.Second, "a:1", "b:1")
		w.fail(t, errors.New("over"))
		w.send(t, add("b:1", "c:1")...)
		b.after(time.Second, "b:1", "c:1")
		w.fail(t, errors.New("over"))
		w.send(t, add("d:1")...)
		b.after(time.Second, "b:1", "c:1", "d:1")
		b.Close()
		w.scriptWatcher.Close()
	})
}

// unclosable is a watcher that can be used again after its Close, which does nothing.
type unclosable struct{ *scriptWatcher }

func (*unclosable) Close() {}

// What RoundRobin knew in one life, by hand: nothing of it spoils the next.
func TestRoundRobinLivesByHand(t *testing.T) {
	fail := errors.New("no such cluster")
	good := &scriptResolver{}
	calls := 0
	rr := RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if calls++; calls == 1 {
			return nil, fail
		}
		return good.Resolve(target)
	}})
	if err := rr.Start("one", BalancerConfig{}); !errors.Is(err, fail) {
		t.Fatalf("Start: %v, want %v", err, fail)
	}
	if rr.Notify() != nil {
		t.Error("Notify after a Start that failed returns a channel")
	}
	if err := rr.Close(); err != nil {
		t.Errorf("Close after a Start that failed: %v", err)
	}
	if err := rr.Start("one", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	w := good.watcher(t, 0)
	w.send(t, add("a:1")...)
	list := receive(t, "Notify", rr.Notify())
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

	if err := rr.Start("two", BalancerConfig{}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := rr.Get(context.Background(), BalancerGetOptions{}); status.Code(err) != codes.Unavailable {
		t.Errorf("Get knows addresses of another target: %v", err)
	}
	good.watcher(t, 1).send(t, add("a:1", "b:1")...)
	list = receive(t, "Notify", rr.Notify())
	rr.Up(list[0])
	down(nil) // of the life before
	if a, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: true}); err != nil || a.Addr != "a:1" {
		t.Errorf("Get: %v, %v", a, err)
	}
	rr.Close()

	// Get that waits ends with Close.
	rr.Start("three", BalancerConfig{})
	done := make(chan error, 1)
	go func() {
		_, _, err := rr.Get(context.Background(), BalancerGetOptions{BlockingWait: true})
		done <- err
	}()
	rr.Close()
	if err := receive(t, "Get", done); err != grpc.ErrClientConnClosing {
		t.Errorf("Get: %v", err)
	}
}
