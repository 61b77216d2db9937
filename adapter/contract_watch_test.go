package adapter

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Contract: "Next returns an error: last addresses stay, watcher closed once,
// Resolve again with backoff; the new watcher's first batch replaces the set".
func TestContractNextFails(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	first := r.watcher(t, 0)
	first.send(t, add(b[0].Addr(), b[1].Addr())...)
	callAll(t, conn, b[0], b[1])

	first.fail(t, errors.New("compacted"))
	second := r.watcher(t, 1)
	callAll(t, conn, b[0], b[1])
	second.send(t) // nothing: does not say that there is nothing
	callAll(t, conn, b[0], b[1])
	second.send(t, add(b[1].Addr(), b[2].Addr())...)
	callAll(t, conn, b[1], b[2])

	conn.Close()
	if n := first.closeCount(); n != 1 {
		t.Errorf("the watcher that failed was closed %d times, want once", n)
	}
	if n := second.closeCount(); n != 1 {
		t.Errorf("the second watcher was closed %d times, want once", n)
	}
}

// Contract: "Next returns updates and an error: updates dropped".
func TestContractNextUpdatesAndError(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	w := r.watcher(t, 0)
	w.send(t, add(b[0].Addr())...)
	callAll(t, conn, b[0])
	w.result(t, nextResult{updates: add(b[1].Addr()), err: errors.New("half a batch")})
	r.watcher(t, 1).send(t) // the error has been dealt with
	callAll(t, conn, b[0])
}

// Contract: "Next returns nothing, no error, again and again (also after
// Close): no State is sent, loop is rate-limited, ends after Close".
func TestContractNextReturnsNothing(t *testing.T) { nextIsLimited(t) }

// The same row, for a watcher that repeats what is known.
func TestNextRepeatsItself(t *testing.T) { nextIsLimited(t, add("a:1")...) }

func nextIsLimited(t *testing.T, updates ...*naming.Update) {
	synctest.Test(t, func(t *testing.T) {
		w := &promptWatcher{updates: updates}
		rr := RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) { return w, nil }})
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		if list := <-rr.Notify(); len(list) != len(updates) { // the very first counts, be it empty
			t.Fatalf("Notify: %v", list)
		}
		time.Sleep(time.Minute) // of the bubble's time
		synctest.Wait()
		if w.nexts > 60*10+2*10 {
			t.Errorf("Next was called %d times in a minute", w.nexts)
		}
		select {
		case list := <-rr.Notify():
			t.Errorf("Notify: %v, though nothing changed", list)
		default:
		}
		if err := rr.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		before := w.nexts
		time.Sleep(time.Minute)
		if w.nexts != before {
			t.Error("Next is called after Close")
		}
	})
}

// promptWatcher says the same at once, again and again, before and after Close.
type promptWatcher struct {
	updates []*naming.Update
	nexts   int
}

func (w *promptWatcher) Next() ([]*naming.Update, error) { w.nexts++; return w.updates, nil }
func (w *promptWatcher) Close()                          {}

// Contract: "First Next is empty: RPCs: Unavailable 'there is no address
// available', without waiting for the deadline".
func TestContractFirstNextEmpty(t *testing.T) {
	b := startBackends(t, 1)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	r.watcher(t, 0).send(t)
	_, err := backend.Call(testContext(t), conn)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "there is no address available") {
		t.Fatalf("RPC: %v", err)
	}
	r.watcher(t, 0).send(t, add(b[0].Addr())...)
	callAll(t, conn, b[0])
}

// Contract: "No first Next yet: RPCs wait for it".
func TestContractNoFirstNext(t *testing.T) {
	b := startBackends(t, 1)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	type answer struct {
		addr string
		err  error
	}
	answers := make(chan answer, 1)
	ctx := testContext(t)
	go func() {
		addr, err := backend.Call(ctx, conn)
		answers <- answer{addr, err}
	}()
	select {
	case a := <-answers:
		t.Fatalf("the RPC did not wait: %+v", a)
	case <-time.After(50 * time.Millisecond): // a failure may need longer to show; a success never fails
	}
	r.watcher(t, 0).send(t, add(b[0].Addr())...)
	if a := receive(t, "the RPC", answers); a.err != nil || a.addr != b[0].Addr() {
		t.Fatalf("RPC: %+v", a)
	}
}

// Contract: "nil *Update, unknown Op: both logged and skipped"; the rest of the
// batch counts.
func TestContractNilUpdateUnknownOp(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	log := logged.Mark()
	batch := append([]*naming.Update{nil, {Op: 7, Addr: "127.0.0.1:1"}}, add(addrsOf(b...)...)...)
	r.watcher(t, 0).send(t, batch...)
	callAll(t, conn, b...)
	for _, want := range []string{"a nil update", `unknown operation 7 for "127.0.0.1:1"`} {
		if !strings.Contains(log(), want) {
			t.Errorf("%q is not in the log", want)
		}
	}
}

// A watcher that says why it has nothing yet is heard.
func TestErrorReporter(t *testing.T) {
	b := startBackends(t, 1)
	for name, option := range namingOptions {
		t.Run(name, func(t *testing.T) {
			watchers, r := reportingResolver()
			conn := dial(t, "svc", option(r))
			w := receive(t, "the watcher", watchers)
			w.reasons <- errors.New("permission denied")
			eventually(t, "the RPC shows the reason", func() bool {
				_, err := backend.Call(testContext(t), conn)
				return status.Code(err) == codes.Unavailable && strings.Contains(err.Error(), "permission denied")
			})
			w.send(t, add(b[0].Addr())...)
			callAll(t, conn, b[0])
			w.reasons <- errors.New("permission denied")
			w.send(t) // the reason has been dealt with
			callAll(t, conn, b[0])
			conn.Close()
		})
	}
}

// reportingResolver resolves to reportingWatchers, and hands them to the test too.
func reportingResolver() (watchers chan *reportingWatcher, r naming.Resolver) {
	watchers = make(chan *reportingWatcher, 2)
	return watchers, &scriptResolver{resolve: func(string) (naming.Watcher, error) {
		w := &reportingWatcher{scriptWatcher: newScriptWatcher(), reasons: make(chan error)}
		watchers <- w
		return w, nil
	}}
}

type reportingWatcher struct {
	*scriptWatcher
	reasons chan error
	report  func(error)
}

func (w *reportingWatcher) OnError(f func(error)) { w.report = f }

func (w *reportingWatcher) Next() ([]*naming.Update, error) {
	for {
		select {
		case err := <-w.reasons:
			w.report(err)
		case r := <-w.results:
			return r.updates, r.err
		case <-w.closed:
			return nil, errors.New("closed")
		}
	}
}

// A method of the user's that panics on a goroutine of ours ends nothing.
func TestPanicsAreContained(t *testing.T) {
	b := startBackends(t, 1)
	r := &scriptResolver{}
	watchers := 0
	panics := &scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		switch watchers++; watchers {
		case 1:
			panic("Resolve")
		case 2:
			return panickingWatcher{}, nil
		}
		return r.Resolve(target)
	}}
	log := logged.Mark()
	conn := dial(t, "svc", WithBalancer(RoundRobin(panics)))
	r.watcher(t, 0).send(t, add(b[0].Addr())...)
	if got := call(t, conn, grpc.WaitForReady(true)); got != b[0].Addr() {
		t.Fatalf("answered by %s", got)
	}
	for _, want := range []string{"Resolve panicked: Resolve", "Next panicked: Next", "Close panicked: Close", "panickingWatcher.Close("} {
		if !strings.Contains(log(), want) {
			t.Errorf("%q is not in the log, which is to say where it was", want)
		}
	}
}

type panickingWatcher struct{}

func (panickingWatcher) Next() ([]*naming.Update, error) { panic("Next") }
func (panickingWatcher) Close()                          { panic("Close") }
