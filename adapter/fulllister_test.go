package adapter

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// fullWatcher says of its first Next what full says.
type fullWatcher struct {
	*scriptWatcher
	full bool
}

func (w fullWatcher) FirstNextIsFull() bool { return w.full }

// fullResolver makes fullWatchers of a scriptResolver's watchers.
func fullResolver(full bool) (naming.Resolver, *scriptResolver) {
	script := &scriptResolver{}
	return &scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		w, err := script.Resolve(target)
		return fullWatcher{w.(*scriptWatcher), full}, err
	}}, script
}

// noAddress waits until RPCs say that there is none.
func noAddress(t *testing.T, conn *grpc.ClientConn) {
	t.Helper()
	eventually(t, "the RPC says that there is no address", func() bool {
		_, err := backend.Call(testContext(t), conn)
		return status.Code(err) == codes.Unavailable && strings.HasSuffix(err.Error(), "there is no address available")
	})
}

// laterWatchers are the ways in which a RoundRobin comes by another watcher. Each
// ends the first one and returns the ClientConn that has the second.
var laterWatchers = map[string]func(*testing.T, *grpc.ClientConn, grpc.DialOption, *scriptWatcher) *grpc.ClientConn{
	"after idleness": func(t *testing.T, conn *grpc.ClientConn, _ grpc.DialOption, _ *scriptWatcher) *grpc.ClientConn {
		waitIdle(t, conn)
		// A stream, so that it does not fall asleep again before the test is over.
		_, err := healthpb.NewHealthClient(conn).Watch(testContext(t), &healthpb.HealthCheckRequest{}, grpc.WaitForReady(true))
		if err != nil {
			t.Fatal(err)
		}
		return conn
	},
	"dialled again": func(t *testing.T, conn *grpc.ClientConn, option grpc.DialOption, _ *scriptWatcher) *grpc.ClientConn {
		conn.Close()
		return dial(t, "svc", option)
	},
	"after an error of Next": func(t *testing.T, conn *grpc.ClientConn, _ grpc.DialOption, w *scriptWatcher) *grpc.ClientConn {
		w.fail(t, errors.New("over"))
		return conn
	},
}

// eachLaterWatcher runs f with the second watcher of a ClientConn whose first one
// has named two of three backends.
func eachLaterWatcher(t *testing.T, full bool, f func(t *testing.T, conn *grpc.ClientConn, w *scriptWatcher, b []*backend.Backend)) {
	for name, later := range laterWatchers {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 3)
			r, script := fullResolver(full)
			option := WithBalancer(RoundRobin(r))
			idle := grpc.WithIdleTimeout(0)
			if name == "after idleness" {
				idle = grpc.WithIdleTimeout(shortIdle)
			}
			conn := dial(t, "svc", option, idle)
			first := script.watcher(t, 0)
			first.send(t, add(b[0].Addr(), b[1].Addr())...)
			call(t, conn, grpc.WaitForReady(true)) // an RPC that fails keeps grpc-go v1.63 from going idle
			callAll(t, conn, b[:2]...)
			conn = later(t, conn, option, first)
			f(t, conn, script.watcher(t, 1), b)
		})
	}
}

// A FullLister's first Next is all there is, also if that is nothing.
func TestFullListerSaysNothing(t *testing.T) {
	eachLaterWatcher(t, true, func(t *testing.T, conn *grpc.ClientConn, w *scriptWatcher, b []*backend.Backend) {
		w.send(t)
		noAddress(t, conn)
		w.send(t, add(b[2].Addr())...) // the second is a change
		w.send(t, add(b[0].Addr())...)
		callAll(t, conn, b[0], b[2])
	})
}

// Deletes in it delete what it has named itself.
func TestFullListerDeletes(t *testing.T) {
	eachLaterWatcher(t, true, func(t *testing.T, conn *grpc.ClientConn, w *scriptWatcher, b []*backend.Backend) {
		w.send(t, append(del(b[0].Addr()), add(b[2].Addr())...)...)
		callAll(t, conn, b[2])
	})
}

// A watcher that does not say so keeps what is known until it names something, and
// if it had nothing to name before, that is all there is.
func TestNotAFullLister(t *testing.T) {
	eachLaterWatcher(t, false, func(t *testing.T, conn *grpc.ClientConn, w *scriptWatcher, b []*backend.Backend) {
		w.send(t)
		w.send(t) // the first has been taken
		callAll(t, conn, b[:2]...)
		w.send(t, add(b[2].Addr())...)
		callAll(t, conn, b[2])
	})
}

// Only the first Next of it is all there is: one that says nothing is not told
// again and again.
func TestFullListerRepeatsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, script := fullResolver(true)
		b := startByHand(t, r)
		script.watcher(t, 0).send(t, add("a:1")...)
		script.watcher(t, 0).fail(t, errors.New("over"))
		w := script.watcher(t, 1)
		for range 5 {
			w.send(t)
			b.after(time.Second)
		}
		if n := b.count(); n != 2 {
			t.Errorf("%d lists came, want one of a:1 and one of nothing", n)
		}
		b.Close()
	})
}

// What one watcher says of its first Next says nothing of the next watcher's.
func TestFullListerSpeaksForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full, script := fullResolver(true)
		calls := 0
		b := startByHand(t, &scriptResolver{resolve: func(target string) (naming.Watcher, error) {
			if calls++; calls == 1 {
				return full.Resolve(target)
			}
			return script.Resolve(target)
		}})
		script.watcher(t, 0).send(t, add("a:1")...)
		script.watcher(t, 0).fail(t, errors.New("over"))
		script.watcher(t, 1).send(t)
		b.after(time.Second, "a:1")
		b.Close()
	})
}

// Under NewBuilder there is one way to a second watcher.
func TestFullListerUnderNewBuilder(t *testing.T) {
	b := startBackends(t, 1)
	r, script := fullResolver(true)
	conn := dial(t, "legacy:///svc", grpc.WithResolvers(NewBuilder("legacy", r)))
	script.watcher(t, 0).send(t, add(b[0].Addr())...)
	callAll(t, conn, b...)
	script.watcher(t, 0).fail(t, errors.New("over"))
	script.watcher(t, 1).send(t)
	eventually(t, "RPCs fail", func() bool {
		_, err := backend.Call(testContext(t), conn)
		return status.Code(err) == codes.Unavailable
	})
}

// The method is called before Next, and may panic as any other.
func TestFullListerThatPanics(t *testing.T) {
	calls := 0
	good := &scriptResolver{}
	b := startBackends(t, 1)
	conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if calls++; calls < 3 {
			return panickingLister{newScriptWatcher()}, nil
		}
		return good.Resolve(target)
	}})))
	if _, err := backend.Call(testContext(t), conn); !strings.Contains(err.Error(), "FirstNextIsFull panicked") {
		t.Errorf("RPC: %v", err)
	}
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	callAll(t, conn, b...)
}

type panickingLister struct{ *scriptWatcher }

func (panickingLister) FirstNextIsFull() bool { panic("FirstNextIsFull") }

// What a modern resolver says first is all there is.
func TestFromBuilderWakesWithNothing(t *testing.T) {
	b := startBackends(t, 1)
	modern := manual.NewBuilderWithScheme("vendor")
	modern.InitialState(resolver.State{Addresses: []resolver.Address{{Addr: b[0].Addr()}}})
	conn := dial(t, "svc", WithBalancer(RoundRobin(FromBuilder(modern))), grpc.WithIdleTimeout(shortIdle))
	call(t, conn, grpc.WaitForReady(true))
	waitIdle(t, conn)
	modern.InitialState(resolver.State{Addresses: []resolver.Address{}})
	noAddress(t, conn)
}
