package faults

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// client is ClientConns with one source, all under load. One of each kind is observed:
// it is seen what gRPC is given. A third is of the kind shim, and bare, as users have it:
// it has a way of its own through the adapter. The native one is as users have it, but for
// who looks on.
type client struct {
	observers []*observer
	loads     []*load
}

// dial makes a client, without load yet.
func (tr *trial) dial(s source, opts ...grpc.DialOption) *client {
	tr.t.Helper()
	c := tr.newClient()
	c.observe(tr, shim, s, opts...)
	c.loads = append(c.loads, tr.connect(shim, s, nil, opts...))
	c.observe(tr, native, s, opts...)
	return c
}

// dialOne makes a client that has only the observed ClientConn of a kind.
func (tr *trial) dialOne(k kind, s source, opts ...grpc.DialOption) *client {
	tr.t.Helper()
	c := tr.newClient()
	c.observe(tr, k, s, opts...)
	return c
}

func (tr *trial) newClient() *client {
	c := &client{}
	tr.clients = append(tr.clients, c)
	return c
}

func (c *client) observe(tr *trial, k kind, s source, opts ...grpc.DialOption) {
	tr.t.Helper()
	o := newObserver(k)
	tr.t.Cleanup(tr.catalogue.watch(o, nil))
	for _, b := range tr.backends {
		o.mustHave(b.Addr(), true)
	}
	c.observers = append(c.observers, o)
	c.loads = append(c.loads, tr.connect(k, s, o, opts...))
}

func (tr *trial) connect(k kind, s source, o *observer, opts ...grpc.DialOption) *load {
	tr.t.Helper()
	conn, err := s.dial(k, tr.service, o, opts...)
	tr.must(err)
	l := newLoad(k, conn)
	tr.t.Cleanup(func() {
		l.stop()
		conn.Close()
	})
	return l
}

// loads are those of all clients.
func (tr *trial) loads() (all []*load) {
	for _, c := range tr.clients {
		all = append(all, c.loads...)
	}
	return all
}

// loadsOf are those of a kind.
func (tr *trial) loadsOf(k kind) []*load {
	return slices.DeleteFunc(tr.loads(), func(l *load) bool { return l.kind != k })
}

// observersOf are those of a kind, of some clients.
func observersOf(k kind, clients []*client) (all []*observer) {
	for _, c := range clients {
		for _, o := range c.observers {
			if o.kind == k {
				all = append(all, o)
			}
		}
	}
	return all
}

// counts are the RPCs of a kind, by clients and by the crowd, until now.
func (tr *trial) counts(k kind) (sent, failed int64) {
	for _, l := range tr.loadsOf(k) {
		sent, failed = sent+l.sent.Load(), failed+l.failed.Load()
	}
	if tr.crowd != nil {
		sent, failed = sent+tr.crowd.sent[k].Load(), failed+tr.crowd.failed[k].Load()
	}
	return sent, failed
}

// ready waits until every ClientConn is connected to some backend.
func (tr *trial) ready() {
	tr.t.Helper()
	for _, l := range tr.loads() {
		testwait.Until(tr.t, "the ClientConn is ready", func() bool { return l.conn.GetState() == connectivity.Ready })
	}
}

// called waits until every backend has answered some RPCs on every ClientConn
// from now on.
func (tr *trial) called(when string) {
	tr.t.Helper()
	type line struct {
		*load
		addr   string
		before int
	}
	var lines []line
	for _, l := range tr.loads() {
		for _, b := range tr.backends {
			before, _ := l.from(b.Addr())
			lines = append(lines, line{l, b.Addr(), before})
		}
	}
	for _, l := range lines {
		testwait.Until(tr.t, fmt.Sprintf("%v: %s is called %s", l.kind, l.addr, when), func() bool {
			n, _ := l.from(l.addr)
			return n > l.before+callers
		})
	}
}

// converge waits until every client has what is in the catalogue, and is
// connected to what runs of it. It returns since when the last one has and is.
func (tr *trial) converge() (since time.Time) {
	tr.t.Helper()
	return tr.convergeOf(tr.clients)
}

func (tr *trial) convergeOf(clients []*client) (since time.Time) {
	tr.t.Helper()
	for k := range kind(kinds) {
		since = later(since, tr.convergeOn(observersOf(k, clients)))
	}
	return since
}

func (tr *trial) convergeOn(observers []*observer) (since time.Time) {
	tr.t.Helper()
	ctx := testwait.Context(tr.t)
	want := tr.catalogue.now()
	up := make(map[string]bool)
	for _, addr := range want.list() {
		if tr.running[addr] {
			up[addr] = true
		}
	}
	for _, o := range observers {
		at, err := o.await(ctx, want, sorted(up))
		tr.must(err)
		since = later(since, at)
	}
	return since
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// joinerCalled waits until the joiner has answered on every ClientConn of a kind, and
// returns when the last one heard of it.
func (tr *trial) joinerCalled(k kind) (at time.Time) {
	tr.t.Helper()
	for _, l := range tr.loadsOf(k) {
		testwait.Until(tr.t, fmt.Sprintf("%v: the joiner is called", k), func() bool {
			n, first := l.from(tr.joiner.Addr())
			at = later(at, first)
			return n > 0
		})
	}
	return at
}

// joinerLeft waits until no ClientConn of a kind calls the joiner any more, and returns
// when the last RPC to it began.
func (tr *trial) joinerLeft(k kind) (at time.Time) {
	tr.t.Helper()
	for _, l := range tr.loadsOf(k) {
		testwait.Until(tr.t, fmt.Sprintf("%v: the joiner is not called any more", k), func() bool {
			last, ok := l.left(tr.joiner.Addr())
			if ok {
				at = later(at, last)
			}
			return ok
		})
	}
	return at
}
