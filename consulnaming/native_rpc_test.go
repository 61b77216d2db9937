package consulnaming

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	grpcstats "google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/backend"
)

const roundRobin = `{"loadBalancingConfig":[{"round_robin":{}}]}`

// nativeDial dials a target with a builder of ours, under round_robin.
func nativeDial(t *testing.T, target string, opts ...grpc.DialOption) *grpc.ClientConn {
	t.Helper()
	opts = append([]grpc.DialOption{grpc.WithInsecure(), grpc.WithResolvers(NewBuilder()), grpc.WithDefaultServiceConfig(roundRobin)}, opts...)
	conn, err := grpc.NewClient(target, opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// A policy of grpc's default, which looks at addresses one after the other.
func TestNativeUnderPickFirst(t *testing.T) {
	s := standIn(t)
	one := serve(t, s, "svc", "1")
	conn := nativeDial(t, "consul://"+s.Address()+"/svc", grpc.WithDefaultServiceConfig("{}"))
	answering(t, conn, one)
	two := serve(t, s, "svc", "2")
	deregister(t, s, "svc", "1")
	answering(t, conn, two)
}

// RPCs show the reason while there is no address, and do not once it is over. Today's
// round_robin shows none any more after an answer without instances: pick_first does.
func TestReasonReachesTheRPC(t *testing.T) {
	for name, test := range map[string]struct {
		config string
		again  bool
		empty  string // what RPCs say when there is no instance
	}{
		"pick_first":  {"{}", true, "zero addresses"},
		"round_robin": {roundRobin, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			remove := s.Inject(consultest.Status(500, "No cluster leader"))
			conn := nativeDial(t, "consul://"+s.Address()+"/svc?max-backoff=10ms", grpc.WithDefaultServiceConfig(test.config))
			says := func(reason bool) {
				t.Helper()
				eventually(t, "RPCs say what they should", func() bool {
					_, err := backend.Call(testContext(t), conn)
					return status.Code(err) == codes.Unavailable && (reason || strings.Contains(err.Error(), test.empty)) &&
						strings.Contains(err.Error(), "No cluster leader") == reason
				})
			}
			says(true)
			remove()
			says(false)
			if test.again {
				remove = s.Inject(consultest.Status(500, "No cluster leader"))
				s.DropConnections()
				says(true)
				remove()
				says(false) // there is none still, and that is not the agent's fault
			}
			answering(t, conn, serve(t, s, "svc", "1"))
		})
	}
}

// A target that is wrong is an error of NewClient or of its first RPC.
func TestBadTargetReachesTheRPC(t *testing.T) {
	conn := nativeDial(t, "consul:///svc?tga=a")
	_, err := backend.Call(testContext(t), conn)
	if err == nil || !strings.Contains(err.Error(), `unknown parameter "tga"`) {
		t.Errorf("RPC: %v", err)
	}
}

// connections counts those of a server.
type connections struct{ n atomic.Int32 }

func (c *connections) TagRPC(ctx context.Context, _ *grpcstats.RPCTagInfo) context.Context {
	return ctx
}
func (c *connections) HandleRPC(context.Context, grpcstats.RPCStats) {}
func (c *connections) TagConn(ctx context.Context, _ *grpcstats.ConnTagInfo) context.Context {
	return ctx
}
func (c *connections) HandleConn(_ context.Context, s grpcstats.ConnStats) {
	if _, ok := s.(*grpcstats.ConnBegin); ok {
		c.n.Add(1)
	}
}

// A connection stays when only what Consul knows of its instance changes.
func TestMetaChangeKeepsTheConnection(t *testing.T) {
	for name, config := range map[string]string{"round_robin": roundRobin, "pick_first": "{}"} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			var counted connections
			b, err := backend.Start(grpc.StatsHandler(&counted))
			if err != nil {
				t.Fatal(err)
			}
			defer b.Stop()
			describe := func(zone string) {
				t.Helper()
				err := s.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
					ID: "svc-1", Name: "svc", Address: "127.0.0.1", Port: b.Port(), Meta: map[string]string{"zone": zone},
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			describe("a")
			conn := nativeDial(t, "consul://"+s.Address()+"/svc", grpc.WithDefaultServiceConfig(config))
			cc, _ := resolving(t, NewBuilder(), "consul://"+s.Address()+"/svc")
			addr := cc.state(t).Addresses[0].Addr
			answering(t, conn, b)
			for _, zone := range []string{"b", "c", "d"} {
				describe(zone)
				if got := instanceAt(t, cc.expect(t, addr), addr).Meta["zone"]; got != zone {
					t.Fatalf("zone %q, want %q", got, zone)
				}
				answering(t, conn, b)
			}
			if n := counted.n.Load(); n != 1 {
				t.Errorf("%d connections, want one", n)
			}
		})
	}
}

// After idleness what is known is what there is then, and while the channel is idle
// there is no query.
func TestNativeWakesUp(t *testing.T) {
	s := standIn(t)
	b, before := serve(t, s, "svc", "1"), "1"
	conn := nativeDial(t, "consul://"+s.Address()+"/svc", grpc.WithIdleTimeout(shortIdle))
	for _, id := range []string{"2", "3", ""} {
		addr, err := backend.Call(testContext(t), conn, grpc.WaitForReady(true))
		if addr != b.Addr() {
			t.Errorf("%q answers (%v), want %q", addr, err, b.Addr())
		}
		waitIdle(t, conn)
		blocked(t, s, 0)
		if id != "" {
			deregister(t, s, "svc", before)
			b, before = serve(t, s, "svc", id), id
		}
	}
}

// 300 ClientConns of the real Consul, more than it allows connections.
func TestManyNativeClientConns(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	one := serve(t, a, s, "1")
	var conns []*grpc.ClientConn
	for range 300 {
		conns = append(conns, nativeDial(t, "consul://"+a.Address()+"/"+s))
	}
	for _, conn := range conns {
		answering(t, conn, one)
	}
	two := serve(t, a, s, "2")
	one.Stop() // before Consul notices
	deregister(t, a, s, "1")
	for _, conn := range conns {
		answering(t, conn, two)
	}
}
