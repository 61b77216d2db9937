package consulnaming

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// legacyDial is the line of the article, with changed imports only.
func legacyDial(t *testing.T, consul, service string) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.Dial("", grpc.WithInsecure(),
		adapter.WithBalancer(adapter.RoundRobin(NewConsulResolver(consul, service))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// serve starts a backend and registers it with the gRPC check that Consul makes.
func serve(t *testing.T, a agent, service, id string) *backend.Backend {
	t.Helper()
	b, err := backend.Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	err = a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: service + "-" + id, Name: service, Address: "127.0.0.1", Port: b.Port(),
		Check: &api.AgentServiceCheck{GRPC: b.Addr(), Interval: "1s"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Client().Agent().ServiceDeregister(service + "-" + id) })
	return b
}

// answering waits until exactly the given backends answer, each in its turn.
func answering(t *testing.T, conn *grpc.ClientConn, want ...*backend.Backend) {
	t.Helper()
	eventually(t, "exactly the right backends answer", func() bool {
		seen := make(map[string]int)
		for range 4 * len(want) {
			addr, err := backend.Call(testContext(t), conn)
			if err != nil {
				return false
			}
			seen[addr]++
		}
		for _, b := range want {
			if seen[b.Addr()] != 4 {
				return false
			}
		}
		return true
	})
}

// The main job, end to end: legacy dial code, and that for the native resolver, balanced
// over Consul, which checks the backends itself; one dies, one joins, one leaves.
func TestDialOverConsul(t *testing.T) {
	for name, dial := range map[string]func(t *testing.T, agent, service string) *grpc.ClientConn{
		"legacy": legacyDial,
		"native": func(t *testing.T, agent, service string) *grpc.ClientConn {
			return nativeDial(t, "consul://"+agent+"/"+service)
		},
	} {
		t.Run(name, func(t *testing.T) {
			onBoth(t, func(t *testing.T, a agent) {
				s := serviceName(t)
				one, two, three := serve(t, a, s, "1"), serve(t, a, s, "2"), serve(t, a, s, "3")
				conn := dial(t, a.Address(), s)
				answering(t, conn, one, two, three)
				two.Stop()
				answering(t, conn, one, three)
				four := serve(t, a, s, "4")
				answering(t, conn, one, three, four)
				deregister(t, a, s, "1")
				answering(t, conn, three, four)
			})
		})
	}
}

// "Service that does not exist": an error at once, and RPCs that wait get what
// comes.
func TestServiceThatDoesNotExist(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		conn := legacyDial(t, a.Address(), s)
		_, err := backend.Call(testContext(t), conn)
		if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "there is no address available") {
			t.Errorf("RPC: %v", err)
		}
		b := serve(t, a, s, "1")
		addr, err := backend.Call(testContext(t), conn, grpc.WaitForReady(true))
		if err != nil || addr != b.Addr() {
			t.Errorf("RPC that waits: %q, %v", addr, err)
		}
	})
}

// failsWithin wants a fail-fast RPC to fail with Unavailable and each of want in
// its text within a second of Dial.
func failsWithin(t *testing.T, conn *grpc.ClientConn, began time.Time, want ...string) {
	t.Helper()
	_, err := backend.Call(testContext(t), conn)
	if took := time.Since(began); took > time.Second {
		t.Errorf("the RPC failed %v after Dial, want within a second", took)
	}
	if status.Code(err) != codes.Unavailable {
		t.Fatalf("RPC: %v, want Unavailable", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("RPC: %v, want %q in it", err, w)
		}
	}
}

func TestRefusedReachesTheRPC(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := l.Addr().String()
	l.Close()
	began := time.Now()
	failsWithin(t, legacyDial(t, nobody, "svc"), began, "connection refused", nobody, `"svc"`)
}

func TestFaultsReachTheRPC(t *testing.T) {
	for name, test := range map[string]struct {
		fault consultest.Fault
		want  string
	}{
		"500":  {consultest.Status(500, "No cluster leader"), "No cluster leader"},
		"403":  {consultest.Status(403, "Permission denied: lacks service:read"), "Permission denied: lacks service:read"},
		"HTML": {consultest.Body("text/html", "<html>"), "not what a Consul agent says"},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			b := serve(t, s, "svc", "1")
			remove := s.Inject(test.fault)
			began := time.Now()
			conn := legacyDial(t, s.Address(), "svc")
			failsWithin(t, conn, began, test.want, s.Address(), `"svc"`)
			remove() // "and the watch goes on retrying"
			answering(t, conn, b)

			s.Inject(test.fault) // once something is known, nothing is lost
			if err := s.Await(testContext(t), func(st consultest.Stats) bool { return st.Queries > 6 }); err != nil {
				t.Fatal(err)
			}
			answering(t, conn, b)
		})
	}
}

// A real agent with ACLs on: a token that does not exist, one without rights,
// which then gets them, and one that is deleted while the watch goes on.
func TestACLOfTheRealConsul(t *testing.T) {
	a, root := denyingAgent(t)
	log := logged.Mark()
	b := serve(t, a, "svc", "1")
	eventually(t, "the backend is healthy", func() bool {
		entries, _, err := a.Client().Health().Service("svc", "", true, nil)
		return err == nil && len(entries) == 1
	})
	t.Setenv("CONSUL_HTTP_TOKEN", "00000000-aaaa-bbbb-cccc-dddddddddddd")
	failsWithin(t, legacyDial(t, a.Address(), "svc"), time.Now(), "403", "ACL not found", a.Address())

	acl := a.Client().ACL()
	token, _, err := acl.TokenCreate(&api.ACLToken{Description: "test"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("CONSUL_HTTP_TOKEN", token.SecretID)
	conn := legacyDial(t, a.Address(), "svc")
	failsWithin(t, conn, time.Now(), "permission denied", a.Address())
	mayRead(t, a, token.AccessorID, readAll)
	answering(t, conn, b)

	before := strings.Count(log(), "ACL not found")
	if _, err := acl.TokenDelete(token.AccessorID, nil); err != nil {
		t.Fatal(err)
	}
	serve(t, a, "svc", "2") // wakes the query, which is refused
	eventually(t, "the watch notices", func() bool { return strings.Count(log(), "ACL not found") > before+1 })
	answering(t, conn, b) // what is known stays

	for _, secret := range []string{root, token.SecretID, "00000000-aaaa"} {
		if strings.Contains(log(), secret) {
			t.Error("a token is in the log")
		}
	}
}

// The way to the modern API: the same resolver under grpc's own round_robin.
func TestUnderModernPolicy(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		s := serviceName(t)
		one, two := serve(t, a, s, "1"), serve(t, a, s, "2")
		conn, err := grpc.NewClient("consul:///"+s, grpc.WithInsecure(),
			grpc.WithResolvers(adapter.NewBuilder("consul", New(a.Client(), ""))),
			grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		answering(t, conn, one, two)
		two.Stop()
		answering(t, conn, one)
	})
}

func TestAgentAddressWithoutPort(t *testing.T) {
	began := time.Now()
	failsWithin(t, legacyDial(t, "127.0.0.1:", "svc"), began, "agent 127.0.0.1:", `"svc"`)
}

// 300 ClientConns in one process, more than the agent allows connections: each
// has its own balancer, all have one query.
func TestManyClientConns(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	one := serve(t, a, s, "1")
	var conns []*grpc.ClientConn
	for range 300 {
		conns = append(conns, legacyDial(t, a.Address(), s))
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
