package adapter

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Contract: "Next returns an error: last addresses stay, watcher closed once,
// Resolve again with backoff; the new watcher's first batch replaces the set", and
// "Next returns updates and an error: updates dropped".
func TestContractNextFails(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	first := r.watcher(t, 0)
	first.send(t, add(b[0].Addr(), b[1].Addr())...)
	callAll(t, conn, b[0], b[1])

	first.result(t, nextResult{updates: add(b[2].Addr()), err: errors.New("compacted")})
	second := r.watcher(t, 1)
	callAll(t, conn, b[0], b[1])
	second.send(t) // nothing: does not say that there is nothing
	callAll(t, conn, b[0], b[1])
	second.send(t, add(b[1].Addr(), b[2].Addr())...)
	callAll(t, conn, b[1], b[2])

	conn.Close()
	if one, two := first.closeCount(), second.closeCount(); one != 1 || two != 1 {
		t.Errorf("the watchers were closed %d and %d times, want once each", one, two)
	}
}

// Contract: "Next returns nothing, no error, again and again (also after
// Close): no State is sent, loop is rate-limited, ends after Close".
func TestContractNextReturnsNothing(t *testing.T) {
	for name, updates := range map[string][]*naming.Update{"nothing": nil, "what is known": add("a:1")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &promptWatcher{updates: updates}
				b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) { return w, nil }})
				time.Sleep(time.Minute) // of the bubble's time
				synctest.Wait()
				if w.nexts > 60*10+2*10 {
					t.Errorf("Next was called %d times in a minute", w.nexts)
				}
				if n := b.count(); n != 1 { // the very first counts, be it empty
					t.Errorf("%d lists came, want one", n)
				}
				b.Close()
				synctest.Wait()
				before := w.nexts
				time.Sleep(time.Minute)
				if w.nexts != before {
					t.Error("Next is called after Close")
				}
			})
		})
	}
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
	conn, w := dialScript(t)
	w.send(t)
	mustBeUnavailable(t, conn, "there is no address available")
	w.send(t, add(b[0].Addr())...)
	callAll(t, conn, b[0])
}

// Contract: "No first Next yet: RPCs wait for it".
func TestContractNoFirstNext(t *testing.T) {
	b := startBackends(t, 1)
	conn, w := dialScript(t)
	done := waitingRPC(t, conn)
	w.send(t, add(b[0].Addr())...)
	mustSucceed(t, done)
}

// Contract: "nil *Update, unknown Op: both logged and skipped"; the rest of the
// batch counts. Who makes a slice with its length, and then appends to it, has nils
// at its beginning.
func TestContractNilUpdateUnknownOp(t *testing.T) {
	b := startBackends(t, 2)
	conn, w := dialScript(t)
	log := logged.Mark()
	batch := make([]*naming.Update, len(b))
	for _, a := range addrsOf(b...) {
		batch = append(batch, &naming.Update{Op: 7, Addr: "127.0.0.1:1"}, &naming.Update{Op: naming.Add, Addr: a})
	}
	w.send(t, batch...)
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
			untilUnavailable(t, conn, "permission denied")
			w.send(t, add(b[0].Addr())...)
			callAll(t, conn, b[0])
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
	watchers := 0
	log := logged.Mark()
	conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		switch watchers++; watchers {
		case 1:
			panic("Resolve")
		case 2:
			return panickingWatcher{}, nil
		}
		return fixedResolver(addrsOf(b...)).Resolve(target)
	}})))
	call(t, conn, grpc.WaitForReady(true))
	for _, want := range []string{"Resolve panicked: Resolve", "Next panicked: Next", "Close panicked: Close", "panickingWatcher.Close("} {
		if !strings.Contains(log(), want) {
			t.Errorf("%q is not in the log, which is to say where it was", want)
		}
	}
}

type panickingWatcher struct{}

func (panickingWatcher) Next() ([]*naming.Update, error) { panic("Next") }
func (panickingWatcher) Close()                          { panic("Close") }
