package faults

import (
	"fmt"
	"time"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
	"github.com/grpcnaming/grpcnaming/naming"
)

// client is two ClientConns in the legacy spelling that share a resolver, both
// under load. The RoundRobin of one is bare, as users have it, and has a way of
// its own through the adapter; of the other's it is seen what it does.
type client struct {
	*observer
	loads []*load // of the observed one, and of the bare one
}

// dial makes a client, without load yet.
func (tr *trial) dial(r naming.Resolver, opts ...grpc.DialOption) *client {
	tr.t.Helper()
	c := tr.dialObserved(r, opts...)
	c.loads = append(c.loads, tr.connect(adapter.RoundRobin(r), opts...))
	return c
}

// dialObserved makes a client that has only the observed ClientConn.
func (tr *trial) dialObserved(r naming.Resolver, opts ...grpc.DialOption) *client {
	tr.t.Helper()
	o := newObserver(adapter.RoundRobin(r))
	tr.t.Cleanup(tr.catalogue.watch(o, nil))
	for _, b := range tr.backends {
		o.mustHave(b.Addr(), true)
	}
	c := &client{observer: o, loads: []*load{tr.connect(o, opts...)}}
	tr.clients = append(tr.clients, c)
	return c
}

func (tr *trial) connect(b adapter.Balancer, opts ...grpc.DialOption) *load {
	tr.t.Helper()
	conn, err := grpc.Dial("", append([]grpc.DialOption{grpc.WithInsecure(), adapter.WithBalancer(b)}, opts...)...)
	tr.must(err)
	l := newLoad(conn)
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

// counts are the RPCs of all clients, and of the crowd, until now.
func (tr *trial) counts() (sent, failed int64) {
	for _, l := range tr.loads() {
		sent, failed = sent+l.sent.Load(), failed+l.failed.Load()
	}
	if tr.crowd != nil {
		sent, failed = sent+tr.crowd.sent.Load(), failed+tr.crowd.failed.Load()
	}
	return sent, failed
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
		testwait.Until(tr.t, l.addr+" is called "+when, func() bool {
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
	ctx := testwait.Context(tr.t)
	want := tr.catalogue.now()
	up := make(map[string]bool)
	for _, addr := range want.list() {
		if tr.running[addr] {
			up[addr] = true
		}
	}
	for _, c := range clients {
		at, err := c.await(ctx, want, sorted(up))
		tr.must(err)
		if at.After(since) {
			since = at
		}
	}
	return since
}

// joinerCalled waits until the joiner has answered on every ClientConn, and
// returns when the last one heard of it.
func (tr *trial) joinerCalled() (at time.Time) {
	tr.t.Helper()
	for _, l := range tr.loads() {
		testwait.Until(tr.t, "the joiner is called", func() bool {
			n, first := l.from(tr.joiner.Addr())
			if first.After(at) {
				at = first
			}
			return n > 0
		})
	}
	return at
}

// joinerLeft waits until no ClientConn calls the joiner any more, and returns when
// the last RPC to it began.
func (tr *trial) joinerLeft() (at time.Time) {
	tr.t.Helper()
	for i, l := range tr.loads() {
		testwait.Until(tr.t, fmt.Sprintf("ClientConn %d does not call the joiner any more", i), func() bool {
			last, ok := l.left(tr.joiner.Addr())
			if ok && last.After(at) {
				at = last
			}
			return ok
		})
	}
	return at
}
