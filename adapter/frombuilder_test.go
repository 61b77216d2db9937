package adapter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/naming"
)

// A legacy balancer on grpc's own dns resolver.
func TestFromBuilderDNS(t *testing.T) {
	b := startBackends(t, 1)
	for _, target := range []string{b[0].Addr(), "dns:///" + b[0].Addr()} {
		callAll(t, dial(t, target, WithBalancer(RoundRobin(FromBuilder(resolver.Get("dns"))))), b[0])
	}
}

// modern -> naming: what a modern resolver says becomes updates.
func TestFromBuilderUpdates(t *testing.T) {
	modern := manual.NewBuilderWithScheme("vendor")
	modern.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: "b:1"}, {Addr: "a:1"}, {Addr: "a:1"}}})
	var target string
	var cc resolver.ClientConn
	modern.BuildCallback = func(t resolver.Target, c resolver.ClientConn, _ resolver.BuildOptions) { target, cc = t.Endpoint(), c }
	closed := 0
	modern.CloseCallback = func() { closed++ }
	w, err := FromBuilder(modern).Resolve("vendor://authority/svc/with/path")
	if err != nil {
		t.Fatal(err)
	}
	if target != "svc/with/path" {
		t.Errorf("the resolver got %q", target)
	}
	expectNext(t, w, "+b:1 +a:1")
	w.(ErrorReporter).OnError(func(err error) { t.Errorf("Next reports %v, which is over", err) })
	cc.ReportError(errors.New("no answer"))
	modern.UpdateState(resolver.State{Endpoints: []resolver.Endpoint{
		{Addresses: []resolver.Address{{Addr: "c:1"}, {Addr: "d:1"}}}, {Addresses: []resolver.Address{{Addr: "a:1"}}}}})
	expectNext(t, w, "-b:1 +c:1 +d:1")
	modern.UpdateState(resolver.State{})
	expectNext(t, w, "-a:1 -c:1 -d:1")
	w.Close()
	w.Close()
	if closed != 1 {
		t.Errorf("the resolver was closed %d times, want once", closed)
	}
	if _, err := w.Next(); err == nil {
		t.Error("Next after Close returns no error")
	}
}

// expectNext wants updates such as "+a:1 -b:1(1)", with Metadata in brackets.
func expectNext(t *testing.T, w naming.Watcher, want string) {
	t.Helper()
	updates, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range updates {
		text := string("+-"[u.Op]) + u.Addr
		if u.Metadata != nil {
			text += fmt.Sprintf("(%v)", u.Metadata)
		}
		got = append(got, text)
	}
	if got := strings.Join(got, " "); got != want {
		t.Fatalf("Next: %q, want %q", got, want)
	}
}

// Errors of the modern resolver are shown while nothing is known, and that it is
// well again is told though it has nothing new to say. What it says first in
// another life is all there is.
func TestFromBuilderErrors(t *testing.T) {
	if _, err := FromBuilder(nil).Resolve("svc"); !errors.Is(err, errNilBuilder) {
		t.Errorf("nil Builder: %v", err)
	}
	if _, err := FromBuilder(manual.NewBuilderWithScheme("vendor")).Resolve("%zz"); err == nil {
		t.Error("a target that is no URL is no error")
	}

	synctest.Test(t, func(t *testing.T) {
		modern := manual.NewBuilderWithScheme("vendor")
		var cc resolver.ClientConn
		modern.BuildCallback = func(_ resolver.Target, c resolver.ClientConn, _ resolver.BuildOptions) { cc = c }
		rr := started(t, FromBuilder(modern), "svc")
		known := func(want string) {
			t.Helper()
			synctest.Wait()
			if a, _, err := rr.Get(t.Context(), BalancerGetOptions{}); a.Addr != want && status.Convert(err).Message() != want {
				t.Errorf("Get: %q, %v, want %q", a.Addr, err, want)
			}
		}
		one := resolver.State{Addresses: []resolver.Address{{Addr: "a:1"}}}
		cc.ReportError(errors.New("vendor is down"))
		known(noneAvailable + ": vendor is down")
		if err := cc.UpdateState(resolver.State{}); err != balancer.ErrBadResolverState {
			t.Errorf("UpdateState without addresses: %v, want what makes a resolver try again", err)
		}
		known(noneAvailable)
		cc.ReportError(errors.New("vendor is down again"))
		known(noneAvailable + ": vendor is down again")
		modern.UpdateState(resolver.State{})
		known(noneAvailable)
		modern.UpdateState(one)
		known("a:1")
		cc.ReportError(errors.New("vendor is down a third time"))
		known("a:1")
		rr.Close()
		modern.InitialState(resolver.State{Addresses: []resolver.Address{}})
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		known(noneAvailable)
		rr.Close()
	})
}

// naming -> modern -> naming: the same updates, Metadata and target.
func TestRoundTripNaming(t *testing.T) {
	r := &scriptResolver{}
	w, err := FromBuilder(NewBuilder("legacy", r)).Resolve("svc?tag=%2F")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	inner := r.watcher(t, 0)
	if got := r.resolved(); !slices.Equal(got, []string{"svc?tag=%2F"}) {
		t.Errorf("Resolve got %q", got)
	}
	inner.send(t, addWith("a:1", map[string]int{"weight": 3}), addWith("a:1", 2), addWith("b:1", nil))
	expectNext(t, w, "+a:1(map[weight:3]) +a:1(2) +b:1")
	inner.send(t, &naming.Update{Op: naming.Delete, Addr: "a:1", Metadata: 2})
	expectNext(t, w, "-a:1(2)")
	w.Close()
	if inner.closeCount() != 1 {
		t.Errorf("the inner watcher was closed %d times, want once", inner.closeCount())
	}
}

// Resolvers that look only when asked are asked.
func TestFromBuilderResolvesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		modern := manual.NewBuilderWithScheme("vendor")
		modern.ResolveNowCallback = func(resolver.ResolveNowOptions) { asked++ }
		w, err := FromBuilder(modern).Resolve("svc")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(10*resolveEvery + time.Second)
		w.Close()
		if asked != 10 {
			t.Errorf("ResolveNow was called %d times in %v, want 10", asked, 10*resolveEvery)
		}
	})
}

// After Close Next fails, and does not say what it has not said before.
func TestFromBuilderClosedBeforeNext(t *testing.T) {
	for range 50 { // what Next looks at first is a matter of luck
		modern := manual.NewBuilderWithScheme("vendor")
		modern.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: "a:1"}}})
		w, err := FromBuilder(modern).Resolve("svc")
		if err != nil {
			t.Fatal(err)
		}
		w.Close()
		if updates, err := w.Next(); err != errWatcherClosed {
			t.Fatalf("Next after Close: %v, %v", updates, err)
		}
	}
}
