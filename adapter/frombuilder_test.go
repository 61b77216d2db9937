package adapter

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// A legacy balancer on grpc's own dns resolver.
func TestFromBuilderDNS(t *testing.T) {
	b := startBackends(t, 1)
	for _, target := range []string{b[0].Addr(), "dns:///" + b[0].Addr()} {
		balancer := &preferring{Balancer: RoundRobin(FromBuilder(resolver.Get("dns"))), addr: b[0].Addr()}
		callAll(t, dial(t, target, WithBalancer(balancer)), b[0])
	}
}

// modern -> naming: what a modern resolver says becomes updates.
func TestFromBuilderUpdates(t *testing.T) {
	modern := manual.NewBuilderWithScheme("vendor")
	modern.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: "b:1"}, {Addr: "a:1"}, {Addr: "a:1"}}})
	var target string
	modern.BuildCallback = func(t resolver.Target, _ resolver.ClientConn, _ resolver.BuildOptions) { target = t.Endpoint() }
	closed := 0
	modern.CloseCallback = func() { closed++ }
	w, err := FromBuilder(modern).Resolve("svc/with/path")
	if err != nil {
		t.Fatal(err)
	}
	if target != "svc/with/path" {
		t.Errorf("the resolver got %q", target)
	}
	expectNext(t, w, "+b:1 +a:1")
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

func expectNext(t *testing.T, w naming.Watcher, want string) {
	t.Helper()
	updates, err := w.Next()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, u := range updates {
		got = append(got, string("+-"[u.Op])+u.Addr)
	}
	if got := strings.Join(got, " "); got != want {
		t.Fatalf("Next: %q, want %q", got, want)
	}
}

// Errors of the modern resolver reach the RPC while nothing is known.
func TestFromBuilderErrors(t *testing.T) {
	if _, err := FromBuilder(nil).Resolve("svc"); !errors.Is(err, errNilBuilder) {
		t.Errorf("nil Builder: %v", err)
	}
	if _, err := FromBuilder(manual.NewBuilderWithScheme("vendor")).Resolve("%zz"); err == nil {
		t.Error("a target that is no URL is no error")
	}

	modern := manual.NewBuilderWithScheme("vendor")
	var cc resolver.ClientConn
	modern.BuildCallback = func(_ resolver.Target, c resolver.ClientConn, _ resolver.BuildOptions) { cc = c }
	conn := dial(t, "svc", WithBalancer(RoundRobin(FromBuilder(modern))))
	cc.ReportError(errors.New("vendor is down"))
	_, err := backend.Call(testContext(t), conn)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "vendor is down") {
		t.Errorf("RPC: %v", err)
	}
	b := startBackends(t, 1)
	modern.UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: b[0].Addr()}}})
	callAll(t, conn, b[0])
	cc.ReportError(errors.New("vendor is down again"))
	callAll(t, conn, b[0])
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
	weight := map[string]int{"weight": 3}
	inner.send(t, addWith("a:1", weight), addWith("a:1", 2), addWith("b:1", nil))
	updates, err := w.Next()
	if err != nil || len(updates) != 3 || !reflect.DeepEqual(updates[0].Metadata, weight) || updates[1].Metadata != 2 || updates[2].Metadata != nil {
		t.Fatalf("Next: %v, %v", updates, err)
	}
	inner.send(t, &naming.Update{Op: naming.Delete, Addr: "a:1", Metadata: 2})
	if updates, err = w.Next(); err != nil || len(updates) != 1 || updates[0].Op != naming.Delete || updates[0].Metadata != 2 {
		t.Fatalf("Next: %v, %v", updates, err)
	}
	w.Close()
	if inner.closeCount() != 1 {
		t.Errorf("the inner watcher was closed %d times, want once", inner.closeCount())
	}
}

// modern -> naming -> modern, with RPCs, and idleness in between.
func TestRoundTripModern(t *testing.T) {
	b := startBackends(t, 2)
	modern := manual.NewBuilderWithScheme("vendor")
	state := func(b ...*backend.Backend) (s resolver.State) {
		for _, a := range addrsOf(b...) {
			s.Addresses = append(s.Addresses, resolver.Address{Addr: a})
		}
		return s
	}
	modern.InitialState(state(b...))
	conn := dial(t, "again:///svc", grpc.WithIdleTimeout(shortIdle),
		grpc.WithResolvers(NewBuilder("again", FromBuilder(modern))), grpc.WithDefaultServiceConfig(roundRobinConfig))
	callAll(t, conn, b...)
	waitIdle(t, conn)
	callAll(t, conn, b...)
	modern.UpdateState(state(b[1]))
	callAll(t, conn, b[1])
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

// That the resolver is well again is told though it has nothing new to say.
func TestFromBuilderRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		modern := manual.NewBuilderWithScheme("vendor")
		modern.InitialState(resolver.State{Addresses: []resolver.Address{}})
		var cc resolver.ClientConn
		modern.BuildCallback = func(_ resolver.Target, c resolver.ClientConn, _ resolver.BuildOptions) { cc = c }
		b := startByHand(t, FromBuilder(modern))
		b.after(0)
		for _, want := range []string{noneAvailable + ": vendor is down", noneAvailable} {
			if want == noneAvailable {
				modern.UpdateState(resolver.State{})
			} else {
				cc.ReportError(errors.New("vendor is down"))
			}
			synctest.Wait()
			if got := refusal(t, b); got != want {
				t.Errorf("Get says %q, want %q", got, want)
			}
		}
		b.Close()
	})
}
