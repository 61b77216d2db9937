package consultest_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

func TestDirectUse(t *testing.T) {
	s, a := newServer(t)
	if err := s.Register(api.AgentServiceRegistration{ID: "1", Name: "web", Check: &api.AgentServiceCheck{TTL: "1h"},
		Checks: api.AgentServiceChecks{nil}}); err != nil {
		t.Fatal(err)
	}
	if entries, _ := a.query(t, "web", 0, 0); status(entries) != "critical" {
		t.Fatalf("status = %s", status(entries))
	}
	if err := s.Deregister("1"); err != nil {
		t.Fatal(err)
	}
	if entries, _ := a.query(t, "web", 0, 0); len(entries) != 0 {
		t.Fatalf("entries = %v", entries)
	}
	if err := s.Deregister("1"); err == nil || !strings.Contains(err.Error(), `Unknown service ID "1"`) {
		t.Errorf("Deregister again: %v", err)
	}
	if err := s.Register(api.AgentServiceRegistration{}); err == nil || err.Error() != "Missing service name" {
		t.Errorf("Register without a name: %v", err)
	}
}

func TestSetHealth(t *testing.T) {
	s, a := newServer(t)
	b := newBackend(t)
	b.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_SERVING)
	for id, checks := range map[string]api.AgentServiceChecks{
		"none": nil,
		"ttl":  {{TTL: "1h"}, {TTL: "1h", Status: "passing"}},
		"grpc": {{GRPC: b.address, Interval: "1h"}},
	} {
		if err := s.Register(api.AgentServiceRegistration{Name: id, Checks: checks}); err != nil {
			t.Fatal(err)
		}
		if id == "grpc" {
			a.await(t, id, "the first run", hasStatus("passing"))
		}
		for _, want := range []string{"critical", "warning", "passing", "critical"} {
			_, before := a.query(t, id, 0, 0)
			if err := s.SetHealth(id, want); err != nil {
				t.Fatal(err)
			}
			if entries, after := a.query(t, id, 0, 0); status(entries) != want || after <= before {
				t.Errorf("%s: %s at %d after %d, want %s", id, status(entries), after, before, want)
			}
		}
	}
	if err := s.SetHealth("nobody", "passing"); err == nil || !strings.Contains(err.Error(), `"nobody"`) {
		t.Errorf("unknown ID: %v", err)
	}
	if err := s.SetHealth("ttl", "maintenance"); err == nil || !strings.Contains(err.Error(), "maintenance") {
		t.Errorf("unknown status: %v", err)
	}
}

func TestGRPCCheckOfASilentBackendTimesOut(t *testing.T) {
	s, a := newServer(t)
	silent := newSilentListener(t)
	if err := s.Register(api.AgentServiceRegistration{Name: "web", Check: &api.AgentServiceCheck{
		GRPC: silent, Interval: "1h", Timeout: "20ms", Status: "passing"}}); err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	a.await(t, "web", "the time-out", func(entries []*api.ServiceEntry) bool {
		return status(entries) == "critical" && strings.Contains(output(entries), "DeadlineExceeded")
	})
	if took := time.Since(begin); took >= 10*time.Second {
		t.Errorf("took %v, as long as without a Timeout", took)
	}
}

func TestAGRPCCheckEndsWithItsRegistration(t *testing.T) {
	check := func(b *backend) *api.AgentServiceCheck {
		return &api.AgentServiceCheck{GRPC: b.address, Interval: "5ms"}
	}
	for how, end := range map[string]func(s *consultest.Server) error{
		"registered again": nil, // as is done in any case
		"deregistered":     func(s *consultest.Server) error { return s.Deregister("web") },
		"its own end":      func(s *consultest.Server) error { return s.Client().Agent().CheckDeregister("service:web") },
		"Reset":            func(s *consultest.Server) error { s.Reset(); return nil },
	} {
		t.Run(how, func(t *testing.T) {
			s, a := newServer(t)
			old, current := newBackend(t), newBackend(t)
			old.health.SetServingStatus("", grpc_health_v1.HealthCheckResponse_NOT_SERVING)
			if err := s.Register(api.AgentServiceRegistration{Name: "web", Check: check(old)}); err != nil {
				t.Fatal(err)
			}
			a.await(t, "web", "the old check", func(entries []*api.ServiceEntry) bool { return strings.Contains(output(entries), old.address) })
			if end != nil {
				if err := end(s); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Register(api.AgentServiceRegistration{Name: "web", Check: check(current)}); err != nil {
				t.Fatal(err)
			}
			index := a.await(t, "web", "the new check", hasStatus("passing"))

			// In the time of these runs of the new check, the old one would
			// have had its own. One may have been under way.
			for runs, oldRuns := 0, 0; runs < 20; {
				select {
				case <-current.probes:
					runs++
				case <-old.probes:
					if oldRuns++; oldRuns > 1 {
						t.Fatal("the old check still runs")
					}
				}
			}
			entries, after := a.query(t, "web", 0, 0)
			if status(entries) != "passing" || after != index {
				t.Errorf("%s at %d after %d: %s", status(entries), after, index, output(entries))
			}
		})
	}
}

func TestUnsupportedIsRefusedByName(t *testing.T) {
	_, a := newServer(t)
	const register = "/v1/agent/service/register"
	for _, test := range []struct{ method, path, body, name string }{
		{"GET", "/v1/health/service/web?filter=x", "", `"filter"`},
		{"GET", "/v1/health/service/web?near=_agent", "", `"near"`},
		{"GET", "/v1/health/service/web?node-meta=a:b", "", `"node-meta"`},
		{"GET", "/v1/health/service/web?peer=x", "", `"peer"`},
		{"GET", "/v1/health/service/web?sg=x", "", `"sg"`},
		{"GET", "/v1/health/service/web?merge-central-config", "", `"merge-central-config"`},
		{"GET", "/v1/health/service/web?token=x", "", `"token"`},
		{"GET", "/v1/agent/services?filter=x", "", `"filter"`},
		{"GET", "/v1/health/connect/web", "", "/v1/health/connect/web"},
		{"GET", "/v1/health/state/any", "", "/v1/health/state/any"},
		{"GET", "/v1/catalog/services", "", "/v1/catalog/services"},
		{"PUT", "/v1/kv/a", "b", "/v1/kv/a"},
		{"GET", "/v1/agent/services/more", "", "/v1/agent/services/more"},
		{"PUT", register, `{"Name":"n","Kind":"connect-proxy"}`, "Kind"},
		{"PUT", register, `{"Name":"n","Connect":{"Native":true}}`, "Connect"},
		{"PUT", register, `{"Name":"n","Namespace":"x"}`, "Namespace"},
		{"PUT", register, `{"Name":"n","Partition":"x"}`, "Partition"},
		{"PUT", register, `{"Name":"n","EnableTagOverride":true}`, "EnableTagOverride"},
		{"PUT", register, `{"Name":"n","Ports":[{"Port":1}]}`, "Ports"},
		{"PUT", register, `{"Name":"n","Check":{"HTTP":"http://x","Interval":"1s"}}`, "HTTP"},
		{"PUT", register, `{"Name":"n","Check":{"TCP":"x:1","Interval":"1s"}}`, "TCP"},
		{"PUT", register, `{"Name":"n","Checks":[{"ScriptArgs":["x"],"Interval":"1s"}]}`, "ScriptArgs"},
		{"PUT", register, `{"Name":"n","Check":{"GRPC":"x:1","GRPCUseTLS":true,"Interval":"1s"}}`, "GRPCUseTLS"},
		{"PUT", register, `{"Name":"n","Check":{"TTL":"1s","SuccessBeforePassing":2}}`, "SuccessBeforePassing"},
		{"PUT", register, `{"Name":"n","Check":{"TTL":"1s","ServiceID":"m"}}`, "ServiceID"},
		{"PUT", "/v1/agent/check/register", `{"Name":"c","TTL":"1s"}`, "ServiceID"},
		{"PUT", "/v1/agent/check/register", `{"Name":"c","HTTP":"http://x","Interval":"1s","ServiceID":"n"}`, "HTTP"},
	} {
		code, text := a.send(t, test.method, test.path, test.body)
		if code != 501 || !strings.Contains(text, "consultest: ") || !strings.Contains(text, test.name) {
			t.Errorf("%s %s %s: %d %s; want 501 and %s", test.method, test.path, test.body, code, text, test.name)
		}
	}
	if services, err := a.Agent().Services(); err != nil || len(services) != 0 {
		t.Errorf("services = %v, %v; something was registered all the same", services, err)
	}
}

var _ consultest.Fault = consultest.Silence() // the type that users name
