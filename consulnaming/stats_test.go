package consulnaming

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// statsOf returns those of a service, of which there is one watch or none.
func statsOf(t *testing.T, service string) (s WatchStats, ok bool) {
	t.Helper()
	all := Stats()
	i := slices.IndexFunc(all, func(s WatchStats) bool { return s.Service == service })
	if i < 0 {
		return s, false
	}
	return all[i], true
}

// One watch, from the first answer over a failure to the end.
func TestStats(t *testing.T) {
	const secret = "very secret"
	t.Setenv("CONSUL_HTTP_TOKEN", secret)
	s := standIn(t)
	service := serviceName(t)
	register(t, s, service, "a", "10.0.0.1", 80, "x")
	began := time.Now()
	r := New(s.Client(), service, Tags("x"), QueryOptions(&api.QueryOptions{Datacenter: "dc1", Token: secret}))
	one, two := watching(t, r), watching(t, r)
	if _, ok := statsOf(t, service); ok {
		t.Error("there is a watch before the first Next")
	}
	expect(t, one, "+10.0.0.1:80")
	expect(t, two, "+10.0.0.1:80")
	now, _ := statsOf(t, service)
	if now.Agent != "the given client's agent" || !slices.Equal(now.Tags, []string{"x"}) || now.Datacenter != "dc1" ||
		now.Watchers != 2 || now.Instances != 1 || now.Index == 0 || now.Queries == 0 || now.Failures != 0 || now.LastError != "" ||
		now.LastAnswer.Before(began) || !now.LastChange.Equal(now.LastAnswer) || !now.FailingSince.IsZero() {
		t.Errorf("after the first answer: %+v", now)
	}

	remove := s.Inject(consultest.Status(500, "No cluster leader"))
	got := nextLater(one)
	eventually(t, "two failures are counted", func() bool { n, _ := statsOf(t, service); return n.Failures >= 2 })
	failing, _ := statsOf(t, service)
	if !strings.Contains(failing.LastError, "No cluster leader") || failing.FailingSince.Before(now.LastAnswer) ||
		failing.Instances != 1 || !failing.LastAnswer.Equal(now.LastAnswer) || failing.Queries <= now.Queries {
		t.Errorf("while the agent fails: %+v", failing)
	}
	if text, err := json.Marshal(failing); err != nil || strings.Contains(string(text), secret) {
		t.Errorf("JSON: %s, %v", text, err)
	}

	remove()
	register(t, s, service, "b", "10.0.0.2", 80, "x")
	expectLater(t, got, "+10.0.0.2:80")
	eventually(t, "the answer is counted", func() bool { n, _ := statsOf(t, service); return n.Instances == 2 })
	again, _ := statsOf(t, service)
	if again.LastError != "" || !again.FailingSince.IsZero() || again.Index <= now.Index || !again.LastChange.After(now.LastChange) || again.Failures < 2 {
		t.Errorf("when it answers again: %+v", again)
	}

	one.Close()
	if now, _ := statsOf(t, service); now.Watchers != 1 {
		t.Errorf("%d watchers, want one", now.Watchers)
	}
	two.Close()
	if now, ok := statsOf(t, service); ok {
		t.Errorf("after the last Close: %+v", now)
	}
}
