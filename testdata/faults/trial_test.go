package faults

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// soon is how long it may take after a fault until gRPC has the current set,
// unless the delay before the next query is longer.
const soon = 2 * time.Second

// trial is one case. Its methods are called by the goroutine of the test, in the
// order in which they stand here.
type trial struct {
	t       *testing.T
	name    string // of the case
	service string // unique
	log     *logWatch

	catalogue *catalogue
	backends  []*backend.Backend // healthy throughout
	joiner    *backend.Backend   // joins during the fault
	joined    bool
	clients   []*client
	running   map[string]bool // addresses of all backends

	// allowedLines is how many lines of the log may be about no retry, of each kind's query.
	allowedLines int
	leaving      time.Duration     // how long an instance may be called after it has left
	goroutines   int               // before the fault
	transports   []*http.Transport // of clients that are given
	crowd        *crowd            // whose RPCs count, too; may be nil
}

// newTrial begins a case. Tests that run in parallel say so before.
func newTrial(t *testing.T, name string) *trial {
	t.Helper()
	tr := &trial{t: t, name: name, leaving: soon, running: make(map[string]bool), service: strings.NewReplacer("/", "-", " ", "-").Replace(t.Name())}
	labelled(t.Name())
	var stop func()
	tr.log, stop = watchLog(tr.service)
	// The last of all cleanups: what was not closed is seen here.
	t.Cleanup(func() {
		defer stop()
		var stacks string
		for deadline := time.Now().Add(testwait.Patience); ; time.Sleep(10 * time.Millisecond) {
			var n int
			if n, stacks = goroutines(t.Name()); n <= 1 { // the test's own
				return
			}
			if time.Now().After(deadline) {
				break
			}
		}
		t.Errorf("goroutines are left:\n%s", stacks)
	})
	return tr
}

// at says where instances are put.
func (tr *trial) at(to putter) { tr.catalogue = newCatalogue(to) }

// standIn makes a stand-in for an agent, and puts instances there.
func (tr *trial) standIn() *consultest.Server {
	s := consultest.NewServer()
	tr.t.Cleanup(s.Close)
	tr.at(atStandIn{s, tr.service})
	return s
}

// serve starts n backends that are healthy throughout, and one that joins later.
func (tr *trial) serve(n int) {
	tr.t.Helper()
	for range n {
		tr.backends = append(tr.backends, tr.backend())
	}
	tr.putBackends()
	tr.joiner = tr.backend()
}

// putBackends puts those that are healthy throughout into the catalogue.
func (tr *trial) putBackends() {
	tr.t.Helper()
	for i, b := range tr.backends {
		tr.persist("register", func() error { return tr.catalogue.put(tr.instance(string(rune('a'+i)), b)) })
	}
}

// instance is b as an entry of the catalogue.
func (tr *trial) instance(id string, b *backend.Backend) instance {
	return newInstance(tr.service+"-"+id, "127.0.0.1", b.Port())
}

func (tr *trial) backend() *backend.Backend {
	tr.t.Helper()
	b, err := backend.Start()
	tr.must(err)
	tr.t.Cleanup(b.Stop)
	tr.running[b.Addr()] = true
	return b
}

func (tr *trial) must(err error) {
	tr.t.Helper()
	if err != nil {
		tr.t.Fatal(err)
	}
}

// begin starts the load and returns when all is well. A fault may come then.
func (tr *trial) begin() {
	tr.t.Helper()
	tr.converge()
	tr.ready()
	for _, l := range tr.loads() {
		l.start()
	}
	tr.closeIdle()
	tr.called("before the fault")
	tr.resting(func() { tr.goroutines, _ = goroutines(tr.t.Name()) })
}

// join registers an instance that gRPC has to learn of when the fault is over.
// Whoever does not call it during a fault has it called at its end.
func (tr *trial) join() {
	tr.t.Helper()
	tr.joined = true
	tr.persist("register", func() error {
		return tr.catalogue.put(tr.instance("joiner", tr.joiner))
	})
}

// persist makes a change until it succeeds: a real agent that has just started
// may refuse it.
func (tr *trial) persist(what string, change func() error) {
	tr.t.Helper()
	ctx := testwait.Context(tr.t)
	for {
		err := change()
		if err == nil {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			tr.t.Fatalf("%s, in vain for %v: %v", what, testwait.Patience, err)
		}
	}
}

// over ends the fault, waits until every client has what is in the catalogue,
// and checks all that a case has to keep. It adds the row to the table.
func (tr *trial) over(end func()) {
	t := tr.t
	t.Helper()
	// Backends go on being called during the fault, not only after it.
	tr.called("during the fault")
	end()
	if !tr.joined {
		tr.join()
	}
	ended := time.Now()
	r := row{name: tr.name, before: tr.goroutines}
	for k := range kind(kinds) {
		observers := observersOf(k, tr.clients)
		if len(observers) == 0 {
			continue
		}
		took := max(0, tr.convergeOn(observers).Sub(ended), tr.joinerCalled(k).Sub(ended))
		tr.inTime(fmt.Sprintf("%v: gRPC had the current set", k), took, soon)
		r.of[k] = &figures{converged: took}
	}
	tr.leave()
	r.after = tr.settled()
	for _, l := range tr.loads() {
		l.stop()
		for _, e := range l.firstErrors() {
			t.Errorf("%v: an RPC failed: %s", l.kind, e)
		}
	}
	for _, c := range tr.clients {
		for _, o := range c.observers {
			for _, w := range o.complaints() {
				t.Error(w)
			}
		}
	}
	for k, f := range r.of {
		if f != nil {
			f.sent, f.failed = tr.counts(kind(k))
		}
	}
	tr.checkLog()
	table.add(r)
	t.Log(r)
}

// met waits until the query of each kind has failed.
func (tr *trial) met(within time.Duration) {
	tr.t.Helper()
	for deadline := time.Now().Add(within); ; time.Sleep(time.Millisecond) {
		failed := 0
		for _, s := range consulnaming.Stats() {
			if s.Service == tr.service && s.Failures > 0 {
				failed++
			}
		}
		if failed == kinds {
			return
		}
		if time.Now().After(deadline) {
			tr.t.Fatalf("the fault has failed %d queries in %v, want %d", failed, within, kinds)
		}
	}
}

// learned waits until some clients have what is in the catalogue, during the fault.
func (tr *trial) learned(since time.Time, clients []*client) {
	tr.t.Helper()
	tr.inTime("those that the fault does not reach had the current set", tr.convergeOf(clients).Sub(since), soon)
}

// inTime checks how long something took after the change, or the end of the fault,
// that it follows: no longer than limit, or the delay before the next query.
func (tr *trial) inTime(what string, took, limit time.Duration) {
	tr.t.Helper()
	// A second is for the query, the connection and the RPC, on a machine that is
	// busy with other trials and the race detector.
	if limit = max(limit, tr.log.backoff()) + time.Second; took > limit {
		tr.t.Errorf("%s after %v, want within %v; now it is %s, and logged was:\n%s", what, took, limit,
			time.Now().Format("15:04:05.000"), strings.Join(tr.log.snapshot().last, "\n"))
	}
}

// mayLack says that gRPC may be without the backends for a time, as the agent says
// that there are none.
func (tr *trial) mayLack(c *client) {
	for _, o := range c.observers {
		for _, b := range tr.backends {
			o.mustHave(b.Addr(), false)
		}
	}
}

// leave deregisters the joiner: nobody calls it any more.
func (tr *trial) leave() {
	tr.t.Helper()
	tr.persist("deregister", func() error { return tr.catalogue.remove(tr.instance("joiner", tr.joiner)) })
	left := time.Now()
	tr.inTime("gRPC had the set without the joiner", tr.converge().Sub(left), tr.leaving)
	for k := range kind(kinds) {
		tr.inTime(fmt.Sprintf("%v: the joiner was called no more", k), tr.joinerLeft(k).Sub(left), tr.leaving)
	}
}

// settled returns how many goroutines there are when they are no more than
// before the fault, or have had time to become so.
func (tr *trial) settled() (n int) {
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Patience)
	defer cancel()
	var stacks string
	for {
		tr.closeIdle()
		tr.resting(func() { n, stacks = goroutines(tr.t.Name()) })
		if n <= tr.goroutines {
			return n
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			tr.t.Errorf("%d goroutines, before the fault %d:\n%s", n, tr.goroutines, stacks)
			return n
		}
	}
}

// closeIdle closes connections to an agent that have no query. When those of two queries
// through one client break, package http may dial once more than it needs.
func (tr *trial) closeIdle() {
	for _, t := range tr.transports {
		t.CloseIdleConnections()
	}
}

// resting runs f while no client has an RPC under way.
func (tr *trial) resting(f func()) {
	for _, l := range tr.loads() {
		next := f
		f = func() { l.resting(next) }
	}
	f()
}

func (tr *trial) checkLog() {
	tr.t.Helper()
	l := tr.log.snapshot()
	for _, w := range l.wrong {
		tr.t.Errorf("more than a line per retry: %s", w)
	}
	if l.nOthers > kinds*tr.allowedLines {
		tr.t.Errorf("%d lines of the log are about no retry, want at most %d: %q", l.nOthers, kinds*tr.allowedLines, l.others)
	}
}
