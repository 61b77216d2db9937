package adapter

import (
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc"

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
	"a watcher, and then the name system is down": {
		make: func(r *registry) naming.Resolver {
			resolves := 0
			return &scriptResolver{resolve: func(target string) (naming.Watcher, error) {
				if resolves++; resolves > 1 {
					return nil, errors.New("etcd: no leader")
				}
				return (&freshResolver{registry: r}).Resolve(target)
			}}
		},
		follows: true, deletes: true,
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

// Each kind has a RoundRobin's RPCs find the addresses that there are. A ClientConn
// that wakes up has those that it had, and so has one that is dialled with the balancer
// of one that was closed. It hears of changes if the watcher still does.
func TestShapeResolver(t *testing.T) {
	for _, way := range []string{"at once", "after idleness", "dialled again"} {
		for name, kind := range legacyResolvers {
			t.Run(name+", "+way, func(t *testing.T) {
				t.Parallel()
				b := startBackends(t, 3)
				reg := newRegistry(b[0].Addr(), b[1].Addr())
				t.Cleanup(func() { reg.set("127.0.0.1:1") })                               // releases a Next that Close does not
				option, idle := WithBalancer(RoundRobin(kind.make(reg))), time.Duration(0) // never
				if way == "after idleness" {
					idle = shortIdle
				}
				conn := dial(t, "svc", option, grpc.WithIdleTimeout(idle))
				callAll(t, conn, b[:2]...)
				hears := kind.restarts
				switch way {
				case "at once":
					hears = kind.follows
				case "after idleness":
					for range 3 {
						waitIdle(t, conn)
						callAll(t, conn, b[:2]...)
					}
				case "dialled again":
					conn.Close()
					conn = dial(t, "svc", option)
					callAll(t, conn, b[:2]...)
				}
				reg.set(b[1].Addr(), b[2].Addr())
				switch {
				case hears && kind.deletes:
					callAll(t, conn, b[1:]...)
				case hears: // should conn sleep once more, what is gone is gone then
					eventually(t, "the new backend answers", func() bool {
						addr, err := backend.Call(testContext(t), conn)
						return err == nil && addr == b[2].Addr()
					})
				}
			})
		}
	}
}
