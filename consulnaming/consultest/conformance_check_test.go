package consultest_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func TestPassingFilter(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{ID: name + "-none", Name: name})
		for _, status := range []string{"passing", "warning", "critical", ""} {
			a.register(t, api.AgentServiceRegistration{ID: name + "-" + status, Name: name,
				Check: &api.AgentServiceCheck{TTL: "1h", Status: status}})
		}
		a.register(t, api.AgentServiceRegistration{ID: name + "-mixed", Name: name, Checks: api.AgentServiceChecks{
			{TTL: "1h", Status: "passing"}, {TTL: "1h", Status: "critical"}}})

		entries, _, err := a.Health().Service(name, "", true, nil)
		if want := name + "-none " + name + "-passing"; err != nil || ids(entries) != want {
			t.Errorf("passing: %q, %v, want %q", ids(entries), err, want)
		}
		if entries, _ := a.query(t, name, 0, 0); len(entries) != 6 {
			t.Errorf("all: %q", ids(entries))
		}
	})
}

func TestTTLCheck(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		id := "service:" + name
		// The initial status holds until the time is over.
		a.register(t, api.AgentServiceRegistration{Name: name,
			Check: &api.AgentServiceCheck{TTL: "50ms", Status: "passing", Notes: "n"}})
		a.await(t, name, "the first expiry", func(entries []*api.ServiceEntry) bool {
			return status(entries) == "critical" && output(entries) == "TTL expired"
		})
		if err := a.Agent().UpdateTTL(id, "hello", "pass"); err != nil {
			t.Fatal(err)
		}
		a.await(t, name, "the second expiry", func(entries []*api.ServiceEntry) bool {
			return status(entries) == "critical" &&
				output(entries) == "TTL expired (last output before timeout follows): hello"
		})

		// A longer one, to see that each call arrives.
		a.register(t, api.AgentServiceRegistration{Name: name, Check: &api.AgentServiceCheck{TTL: "1h", Notes: "n"}})
		for _, step := range []struct {
			call func(id, note string) error
			want string
		}{
			{a.Agent().PassTTL, "passing"},
			{a.Agent().WarnTTL, "warning"},
			{a.Agent().FailTTL, "critical"},
		} {
			if err := step.call(id, "note: "+step.want); err != nil {
				t.Fatal(err)
			}
			entries, _ := a.query(t, name, 0, 0)
			if status(entries) != step.want || output(entries) != "note: "+step.want {
				t.Fatalf("%s: output %q", step.want, output(entries))
			}
		}
	})
}

func TestGRPCCheckFollowsTheBackend(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		interval := "20ms"
		if a.real {
			interval = "1s" // its shortest
		}
		for _, service := range []string{"", "my.Service"} {
			b := newBackend(t)
			name := unique(t)
			target := b.address
			if service != "" {
				target += "/" + service
			}
			a.register(t, api.AgentServiceRegistration{Name: name, Check: &api.AgentServiceCheck{
				GRPC: target, Interval: interval, Timeout: "5s"}})
			b.health.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
			a.await(t, name, "passing", func(entries []*api.ServiceEntry) bool {
				return status(entries) == "passing" && output(entries) == "gRPC check "+target+": success"
			})
			b.health.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_NOT_SERVING)
			a.await(t, name, "critical when not serving", func(entries []*api.ServiceEntry) bool {
				return status(entries) == "critical" && strings.Contains(output(entries), "NOT_SERVING")
			})
			b.health.SetServingStatus(service, grpc_health_v1.HealthCheckResponse_SERVING)
			a.await(t, name, "passing when serving", hasStatus("passing"))
			b.down.Store(true)
			a.await(t, name, "critical when the backend is dead", hasStatus("critical"))
			b.down.Store(false)
			a.await(t, name, "passing when it is back", hasStatus("passing"))
		}
	})
}

// A backend serves gRPC's health protocol. While down, it closes connections
// as soon as it gets them; it keeps its port, which nobody else can take.
type backend struct {
	net.Listener
	address string
	health  *health.Server
	down    atomic.Bool
	probes  chan struct{} // gets one for each connection, if somebody waits
}

func newBackend(t *testing.T) *backend {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{Listener: listener, address: listener.Addr().String(), health: health.NewServer(), probes: make(chan struct{})}
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, b.health)
	served := make(chan error, 1)
	go func() { served <- server.Serve(b) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	return b
}

func (b *backend) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.probes <- struct{}{}:
		default:
		}
		if !b.down.Load() {
			return conn, nil
		}
		conn.Close()
	}
}

func TestCheckIDsNamesAndReplacement(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		describe := func() string {
			entries, _ := a.query(t, name, 0, 0)
			if len(entries) != 1 {
				t.Fatalf("entries = %v", entries)
			}
			var all []string
			for _, c := range entries[0].Checks {
				all = append(all, strings.ReplaceAll(fmt.Sprintf("%s %q %s %s %q", c.CheckID, c.Name, c.Status, c.Type, c.Notes), name, "NAME"))
			}
			slices.Sort(all) // a real agent has no order
			return strings.Join(all, "\n")
		}
		expect := func(what string, want ...string) {
			t.Helper()
			want = append(want, `serfHealth "Serf Health Status" passing  ""`)
			slices.Sort(want)
			if got := describe(); got != strings.Join(want, "\n") {
				t.Errorf("%s:\n%s\nwant:\n%s", what, got, strings.Join(want, "\n"))
			}
		}

		a.register(t, api.AgentServiceRegistration{Name: name, Checks: api.AgentServiceChecks{
			{TTL: "1h"}, {TTL: "1h", Status: "warning", Name: "named", Notes: "noted"}, {TTL: "1h", CheckID: name + "-own"}}})
		expect("three checks",
			`NAME-own "Service 'NAME' check" critical ttl ""`,
			`service:NAME:1 "Service 'NAME' check" critical ttl ""`,
			`service:NAME:2 "named" warning ttl "noted"`)

		if err := a.Agent().UpdateTTL("service:"+name+":1", "", "pass"); err != nil {
			t.Fatal(err)
		}
		a.register(t, api.AgentServiceRegistration{Name: name, Checks: api.AgentServiceChecks{
			{TTL: "1h", Status: "critical"}, {TTL: "1h", Status: "critical", Notes: "new"}}})
		expect("a check that is registered again keeps its status, one that is not stays",
			`NAME-own "Service 'NAME' check" critical ttl ""`,
			`service:NAME:1 "Service 'NAME' check" passing ttl ""`,
			`service:NAME:2 "Service 'NAME' check" warning ttl "new"`)

		err := a.Agent().ServiceRegisterOpts(&api.AgentServiceRegistration{Name: name,
			Check: &api.AgentServiceCheck{TTL: "1h", Status: "passing"}}, api.ServiceRegisterOpts{ReplaceExistingChecks: true})
		if err != nil {
			t.Fatal(err)
		}
		expect("replace-existing-checks", `service:NAME "Service 'NAME' check" passing ttl ""`)

		for range 2 { // the second time with the status of the first
			err = a.Agent().CheckRegister(&api.AgentCheckRegistration{Name: name + "-extra", ServiceID: name, Notes: "n",
				AgentServiceCheck: api.AgentServiceCheck{TTL: "1h"}})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Agent().UpdateTTL(name+"-extra", "", "warn"); err != nil {
				t.Fatal(err)
			}
		}
		err = a.Agent().CheckRegister(&api.AgentCheckRegistration{ID: name + "-x", Name: "x", ServiceID: name,
			AgentServiceCheck: api.AgentServiceCheck{TTL: "1h", Status: "passing"}})
		if err != nil {
			t.Fatal(err)
		}
		expect("registered on their own",
			`NAME-extra "NAME-extra" warning ttl "n"`,
			`NAME-x "x" passing ttl ""`,
			`service:NAME "Service 'NAME' check" passing ttl ""`)

		// A check whose ID is used again goes to the other service.
		a.register(t, api.AgentServiceRegistration{Name: name + "-other"})
		err = a.Agent().CheckRegister(&api.AgentCheckRegistration{ID: name + "-x", Name: "x", ServiceID: name + "-other",
			AgentServiceCheck: api.AgentServiceCheck{TTL: "1h", Status: "critical"}})
		if err != nil {
			t.Fatal(err)
		}
		expect("one has moved",
			`NAME-extra "NAME-extra" warning ttl "n"`,
			`service:NAME "Service 'NAME' check" passing ttl ""`)
		if entries, _ := a.query(t, name+"-other", 0, 0); status(entries) != "passing" {
			t.Errorf("moved: %s, want the status that it had", status(entries))
		}

		for _, id := range []string{name + "-extra", name + "-x", "service:" + name} {
			if err := a.Agent().CheckDeregister(id); err != nil {
				t.Fatal(err)
			}
		}
		expect("all deregistered")
	})
}
