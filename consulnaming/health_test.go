package consulnaming

import (
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/naming"
)

// registerChecked registers svc with a check in that state, as "<service>-<id>".
func registerChecked(t *testing.T, a agent, service, id, state string, port int) {
	t.Helper()
	err := a.Client().Agent().ServiceRegister(&api.AgentServiceRegistration{
		ID: service + "-" + id, Name: service, Address: "10.0.0.1", Port: port,
		Check: &api.AgentServiceCheck{CheckID: service + "-" + id, TTL: "1h", Status: state},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Client().Agent().ServiceDeregister(service + "-" + id) })
}

// Each rule, while there are instances of all states, and when none passes any more.
func TestHealthRules(t *testing.T) {
	for name, test := range map[string]struct {
		option          Option
		first, failing  string // what Next returns
		maintained, end string // when what has a warning is taken into maintenance
	}{
		"default":          {nil, "+10.0.0.1:1", "-10.0.0.1:1", "", "+10.0.0.1:1"},
		"Passing":          {Healthy(Passing), "+10.0.0.1:1", "-10.0.0.1:1", "", "+10.0.0.1:1"},
		"PassingOrWarning": {Healthy(PassingOrWarning), "+10.0.0.1:1 +10.0.0.1:2", "-10.0.0.1:1", "-10.0.0.1:2", "+10.0.0.1:1"},
		"PassingElseAny":   {Healthy(PassingElseAny), "+10.0.0.1:1", "+10.0.0.1:2 +10.0.0.1:3", "", "-10.0.0.1:2 -10.0.0.1:3"},
		"AnyHealth":        {Healthy(AnyHealth), "+10.0.0.1:1 +10.0.0.1:2 +10.0.0.1:3", "", "", ""},
		"PassingOnly":      {PassingOnly(false), "+10.0.0.1:1 +10.0.0.1:2 +10.0.0.1:3", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := realAgent(t)
			s := serviceName(t)
			registerChecked(t, a, s, "p", api.HealthPassing, 1)
			registerChecked(t, a, s, "w", api.HealthWarning, 2)
			registerChecked(t, a, s, "c", api.HealthCritical, 3)
			w := watching(t, New(a.Client(), s, test.option))
			expect(t, w, test.first)
			update := func(id, state string) {
				t.Helper()
				if err := a.Client().Agent().UpdateTTL(s+"-"+id, "", state); err != nil {
					t.Fatal(err)
				}
			}
			update("p", api.HealthCritical)
			if test.failing != "" {
				expect(t, w, test.failing)
			}
			if err := a.Client().Agent().EnableServiceMaintenance(s+"-w", "test"); err != nil {
				t.Fatal(err)
			}
			if test.maintained != "" {
				expect(t, w, test.maintained)
			}
			update("p", api.HealthPassing)
			if test.end != "" {
				expect(t, w, test.end)
			}
			// Whoever was to hear nothing hears of the next instance first.
			registerChecked(t, a, s, "last", api.HealthPassing, 4)
			expect(t, w, "+10.0.0.1:4")
		})
	}
}

// An entry whose checks are none of package api's is not healthy, and no panic.
func TestChecksThatAreNone(t *testing.T) {
	client := clientOf(t, func(r *http.Request) (*http.Response, error) {
		if r.URL.Query().Get("index") != "" {
			return silent(r)
		}
		return reply(7, `[{"Node":{"Node":"n"},"Service":{"Address":"10.0.0.1","Port":1},"Checks":[null]},
			{"Node":{"Node":"n"},"Service":{"Address":"10.0.0.1","Port":2},"Checks":[{"Status":"passing"}]}]`)
	})
	expect(t, watching(t, New(client, "svc", Healthy(PassingOrWarning))), "+10.0.0.1:2")
}

// A node in maintenance takes its instances along; a service whose name needs escapes
// in a URL is one as any other.
func TestMaintenanceAndNames(t *testing.T) {
	a := realAgent(t)
	watch := make(map[string]naming.Watcher)
	for _, name := range []string{"my svc", "a/b", "50%", "a?b=c", "a#b", "a+b", "dienst-äöü", "服务"} {
		register(t, a, name, "a", "10.0.0.1", 80)
		w := watching(t, NewConsulResolver(a.Address(), name))
		expect(t, w, "+10.0.0.1:80")
		watch[name] = w
	}
	maintain := func(enable, disable func() error) {
		t.Helper()
		for _, step := range []struct {
			do   func() error
			want string
		}{{enable, "-10.0.0.1:80"}, {disable, "+10.0.0.1:80"}} {
			if err := step.do(); err != nil {
				t.Fatal(err)
			}
			expect(t, watch["my svc"], step.want)
		}
	}
	agent := a.Client().Agent()
	maintain(func() error { return agent.EnableServiceMaintenance("my svc-a", "test") },
		func() error { return agent.DisableServiceMaintenance("my svc-a") })
	maintain(func() error { return agent.EnableNodeMaintenance("test") }, agent.DisableNodeMaintenance)
}

// A check that flaps a hundred times ends as it is: what Next returns alternates, and
// its last word is the check's.
func TestFlappingCheck(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	registerChecked(t, a, s, "a", api.HealthPassing, 1)
	w := watching(t, NewConsulResolver(a.Address(), s))
	expect(t, w, "+10.0.0.1:1")
	for i := range 100 {
		state := api.HealthCritical
		if i%2 == 1 {
			state = api.HealthPassing
		}
		if err := a.Client().Agent().UpdateTTL(s+"-a", "", state); err != nil {
			t.Fatal(err)
		}
	}
	registerChecked(t, a, s, "b", api.HealthPassing, 2)
	passing := true
	for {
		switch got := next(t, w); {
		case got == "+10.0.0.1:2" && passing, got == "+10.0.0.1:1 +10.0.0.1:2" && !passing:
			return
		case got == "-10.0.0.1:1" && passing, got == "+10.0.0.1:1" && !passing:
			passing = !passing
		default:
			t.Fatalf("Next: %q, while the instance counts as passing: %v", got, passing)
		}
	}
}

// A proxy that gives up each blocking query before the agent answers it: what is known
// stays, and a change is seen by the query that does not block.
func TestProxyGivesUp(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	s.Inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Query().Get("index") != "" {
			http.Error(w, "upstream request timeout", http.StatusGatewayTimeout)
			return
		}
		next.ServeHTTP(w, r)
	})
	w := watching(t, NewConsulResolver(s.Address(), "svc"))
	expect(t, w, "+10.0.0.1:80")
	began := time.Now()
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, w, "+10.0.0.2:80")
	if took := time.Since(began); took > electionRetry+time.Second {
		t.Errorf("the change is seen after %v", took)
	}
}
