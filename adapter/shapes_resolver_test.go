package adapter

import (
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// legacyResolver is one kind of resolver in shapes_resolvers_test.go.
type legacyResolver struct {
	make     func(*registry) naming.Resolver
	follows  bool // hears of changes
	deletes  bool // of what is gone, too
	restarts bool // goes on to do so when resolved once more after Close
}

var legacyResolvers = map[string]legacyResolver{
	"a watcher per Resolve": {
		make:    func(r *registry) naming.Resolver { return &freshResolver{registry: r} },
		follows: true, deletes: true, restarts: true,
	},
	"a watcher per Resolve, by value": {
		make:    func(r *registry) naming.Resolver { return valueResolver{registry: r} },
		follows: true, restarts: true,
	},
	"itself, Close empty": {
		make:    func(r *registry) naming.Resolver { return &emptyCloseResolver{registry: r} },
		follows: true, deletes: true, restarts: true,
	},
	"itself, begins anew in Resolve": {
		make:    func(r *registry) naming.Resolver { return &restartResolver{freshWatcher{registry: r}} },
		follows: true, deletes: true, restarts: true,
	},
	"itself, over after Close":    {make: newContextResolver, follows: true, deletes: true},
	"itself, lists once":          {make: newOnceResolver},
	"itself, a channel, by value": {make: newChannelResolver},
}

// eachLegacyResolver runs f for each kind over a registry that has the first two
// of three backends.
func eachLegacyResolver(t *testing.T, f func(t *testing.T, kind legacyResolver, reg *registry, b []*backend.Backend)) {
	for name, kind := range legacyResolvers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := startBackends(t, 3)
			reg := newRegistry(b[0].Addr(), b[1].Addr())
			t.Cleanup(func() { reg.set("127.0.0.1:1") }) // releases a Next that Close does not
			f(t, kind, reg, b)
		})
	}
}

// change replaces the first backend by the third, and waits until RPCs follow.
func (k legacyResolver) change(t *testing.T, reg *registry, b []*backend.Backend, conn *grpc.ClientConn) {
	t.Helper()
	reg.set(b[1].Addr(), b[2].Addr())
	if k.deletes {
		b = b[1:]
	}
	callAll(t, conn, b...)
}

func TestShapeResolver(t *testing.T) {
	eachLegacyResolver(t, func(t *testing.T, kind legacyResolver, reg *registry, b []*backend.Backend) {
		conn := dial(t, "svc", WithBalancer(RoundRobin(kind.make(reg))))
		callAll(t, conn, b[:2]...)
		if kind.follows {
			kind.change(t, reg, b, conn)
		}
	})
}

// A ClientConn that wakes up has the addresses that it had, and hears of changes
// if the watcher still does.
func TestShapeResolverWakes(t *testing.T) {
	eachLegacyResolver(t, func(t *testing.T, kind legacyResolver, reg *registry, b []*backend.Backend) {
		conn := dial(t, "svc", WithBalancer(RoundRobin(kind.make(reg))), grpc.WithIdleTimeout(shortIdle))
		for range 3 {
			callAll(t, conn, b[:2]...)
			waitIdle(t, conn)
			conn.Connect()
		}
		callAll(t, conn, b[:2]...)
		switch {
		case kind.restarts && kind.deletes:
			kind.change(t, reg, b, conn)
		case kind.restarts: // should conn sleep once more, what is gone is gone then
			reg.set(b[1].Addr(), b[2].Addr())
			eventually(t, "the new backend answers", func() bool {
				addr, err := backend.Call(testContext(t), conn)
				return err == nil && addr == b[2].Addr()
			})
		}
	})
}

// So has one that is dialled with the balancer of one that was closed. A watcher
// that is over has nothing to tell it, which RPCs may say, but not wait for.
func TestShapeResolverDialledAgain(t *testing.T) {
	eachLegacyResolver(t, func(t *testing.T, kind legacyResolver, reg *registry, b []*backend.Backend) {
		option := WithBalancer(RoundRobin(kind.make(reg)))
		conn := dial(t, "svc", option)
		callAll(t, conn, b[:2]...)
		conn.Close()
		conn = dial(t, "svc", option)
		if !kind.restarts {
			if _, err := backend.Call(testContext(t), conn); err != nil && status.Code(err) != codes.Unavailable {
				t.Errorf("RPC: %v", err)
			}
			return
		}
		callAll(t, conn, b[:2]...)
		kind.change(t, reg, b, conn)
	})
}
