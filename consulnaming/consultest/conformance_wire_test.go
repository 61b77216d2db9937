package consultest_test

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

// send sends one request as it stands, and returns status and body.
func (a agent) send(t *testing.T, method, path, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+a.address+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func TestErrors(t *testing.T) {
	const register, registerCheck = "/v1/agent/service/register", "/v1/agent/check/register"
	tests := []struct {
		method, path, body string
		code               int
		text               string
	}{
		{"PUT", "/v1/agent/service/deregister/nope", "", 404, `Unknown service ID "nope". Ensure that the service ID is passed, not the service name.`},
		{"PUT", "/v1/agent/service/deregister/", "", 404, `Unknown service ID "". Ensure that the service ID is passed, not the service name.`},
		{"GET", "/v1/agent/service/deregister/nope", "", 405, "method GET not allowed"},
		{"PUT", "/v1/agent/check/pass/nope", "", 404, `Unknown check ID "nope". Ensure that the check ID is passed, not the check name.`},
		{"PUT", "/v1/agent/check/warn/nope", "", 404, `Unknown check ID "nope". Ensure that the check ID is passed, not the check name.`},
		{"PUT", "/v1/agent/check/fail/nope", "", 404, `Unknown check ID "nope". Ensure that the check ID is passed, not the check name.`},
		{"PUT", "/v1/agent/check/update/nope", `{"Status":"passing"}`, 404, `Unknown check ID "nope". Ensure that the check ID is passed, not the check name.`},
		{"PUT", "/v1/agent/check/update/nope", `{"Status":"pass"}`, 400, `Invalid check status: 'pass'`},
		{"PUT", "/v1/agent/check/update/nope", "", 400, "Request decode failed: EOF"},
		{"PUT", "/v1/agent/check/deregister/nope", "", 404, `Unknown check ID "nope". Ensure that the check ID is passed, not the check name.`},
		{"PUT", registerCheck, `{"Name":"c","TTL":"1s","ServiceID":"nope"}`, 404, `ServiceID "nope" does not exist`},
		{"PUT", registerCheck, `{"TTL":"1s","ServiceID":"nope"}`, 400, "Missing check name"},
		{"PUT", registerCheck, `{"Name":"c","ServiceID":"nope"}`, 400, "Invalid check: TTL must be > 0 for TTL checks"},
		{"PUT", registerCheck, `{"Name":"c","TTL":"1s","ServiceID":"nope","Status":"ok"}`, 400, "Bad check status"},
		{"PUT", register, "", 400, "Request decode failed: EOF"},
		{"PUT", register, "{bad", 400, "Request decode failed: invalid character 'b' looking for beginning of object key string"},
		{"PUT", register, "{}", 400, "Missing service name"},
		{"PUT", register, `{"Name":"n","Address":"0.0.0.0"}`, 400, "Invalid service address"},
		{"PUT", register, `{"Name":"n","Address":"[::]"}`, 400, "Invalid service address"},
		{"PUT", register, `{"Name":"n","Check":{"TTL":"abc"}}`, 400, `Request decode failed: time: invalid duration "abc"`},
		{"PUT", register, `{"Name":"n","Check":{"TTL":"-1s"}}`, 400, "Invalid check: TTL must be > 0 for TTL checks"},
		{"PUT", register, `{"Name":"n","Check":{"Status":"passing"}}`, 400, "Invalid check: TTL must be > 0 for TTL checks"},
		{"PUT", register, `{"Name":"n","Checks":[{}]}`, 400, "Invalid check: TTL must be > 0 for TTL checks"},
		{"PUT", register, `{"Name":"n","Check":{"TTL":"1s","Interval":"1s"}}`, 400, "Invalid check: Interval and TTL cannot both be specified"},
		{"PUT", register, `{"Name":"n","Check":{"TTL":"1s","Status":"ok"}}`, 400, "Status for checks must 'passing', 'warning', 'critical'"},
		{"PUT", register, `{"Name":"n","Check":{"GRPC":"127.0.0.1:1"}}`, 400, "Invalid check: Interval must be > 0 for"},
		{"PUT", register, `{"Name":"n","Check":{"GRPC":"127.0.0.1:1","TTL":"1s"}}`, 400, "Invalid check: Interval must be > 0 for"},
		{"PUT", register, `{"Name":"n","Weights":{"Passing":0,"Warning":1}}`, 400, "Invalid Weights: Passing"},
		{"PUT", register, `{"Name":"n","Weights":{"Passing":1,"Warning":-1}}`, 400, "Invalid Weights: "},
		{"PUT", register, `{"Name":"n","Weights":{"Passing":65536}}`, 400, "Invalid Weights: "},
		{"PUT", register, `{"Name":"n","Meta":{"a b":"c"}}`, 400, "Invalid Service Meta: "},
		{"PUT", register, `{"Name":"n","Meta":` + pairs(65) + `}`, 400, "Invalid Service Meta: "},
		{"PUT", register, `{"Name":"n","Meta":{"consul-x":"c"}}`, 400, "Invalid Service Meta: "},
		{"PUT", register, `{"Name":"n","Meta":{"a":"` + strings.Repeat("x", 513) + `"}}`, 400, "Invalid Service Meta: "},
		{"GET", "/v1/health/service/", "", 400, "Missing service name"},
		{"POST", "/v1/health/service/n", "", 405, "method POST not allowed"},
		{"GET", "/v1/health/service/n?dc=dc2", "", 500, "No path to datacenter"},
		{"GET", "/v1/health/service/n?index=abc", "", 400, "Invalid index"},
		{"GET", "/v1/health/service/n?index=-1", "", 400, "Invalid index"},
		{"GET", "/v1/health/service/n?wait=10", "", 400, "Invalid wait time"},
		{"GET", "/v1/health/service/n?passing=maybe", "", 400, "Invalid value for ?passing"},
		{"GET", "/v1/health/service/n?stale&consistent", "", 400, "Cannot specify ?stale with ?consistent, conflicting semantics."},
		{"GET", "/v1/health/service/n?cached&consistent", "", 400, "Cannot specify ?cached with ?consistent, conflicting semantics."},
		{"GET", "/v1/health/service/n?ns=a", "", 400, `Invalid query parameter: "ns" - Namespaces are a Consul Enterprise feature`},
		{"GET", "/v1/health/service/n?partition=a", "", 400, `Invalid query parameter: "partition" - Partitions are a Consul Enterprise feature`},
	}
	onBoth(t, func(t *testing.T, a agent) {
		for _, test := range tests {
			code, text := a.send(t, test.method, test.path, test.body)
			// Where Consul's text is longer than its point, the point is
			// compared.
			if code != test.code || !strings.HasPrefix(text, test.text) {
				t.Errorf("%s %s %s:\n got %d %s\nwant %d %s", test.method, test.path, test.body, code, text, test.code, test.text)
			}
		}
	})
}

// pairs is a JSON object with n fields.
func pairs(n int) string {
	m := make(map[string]string)
	for i := range n {
		m[fmt.Sprint("k", i)] = "v"
	}
	body, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	return string(body)
}

func TestUpdateOfACheckWithoutTTL(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{Name: name, Check: &api.AgentServiceCheck{GRPC: "127.0.0.1:1", Interval: "1h"}})
		code, text := a.send(t, "PUT", "/v1/agent/check/pass/service:"+name, "")
		if want := `CheckID "service:` + name + `" does not have associated TTL`; code != 500 || text != want {
			t.Errorf("%d %s, want 500 %s", code, text, want)
		}
	})
}

func TestSpellingsThatAreAccepted(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		t.Cleanup(func() { a.Agent().ServiceDeregister(name) })
		code, text := a.send(t, "PUT", "/v1/agent/service/register?replace-existing-checks&dc=dc1",
			`{"name":"`+name+`","PORT":5,"Check":{"ttl":3600000000000,"Status":"passing"},"Kind":"","Proxy":null,"Checks":null}`)
		if code != 200 || text != "" {
			t.Fatalf("%d %s", code, text)
		}
		if code, text := a.send(t, "PUT", "/v1/agent/service/register", `{"Name":"`+name+`","Check":{},"Meta":`+pairs(64)+`}`); code != 200 {
			t.Errorf("%d %s", code, text)
		}
		for _, query := range []string{"passing", "passing=true", "passing=1&stale", "wait=0s", "wait=-1s", "index=&wait=", "ns="} {
			if code, text := a.send(t, "GET", "/v1/health/service/"+name+"?"+query, ""); code != 200 || !strings.Contains(text, name) {
				t.Errorf("%s: %d %s", query, code, text)
			}
		}
	})
}

// TestFieldsOfAnAnswer compares the JSON with what a real agent sends, not by
// way of package api, which fills in what is missing.
func TestFieldsOfAnAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{Name: name, Port: 80, Check: &api.AgentServiceCheck{TTL: "1h", Notes: "n"}})
		_, text := a.send(t, "GET", "/v1/health/service/"+name, "")
		var answer []struct {
			Node, Service map[string]any
			Checks        []map[string]any
		}
		if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer) != 1 || len(answer[0].Checks) != 2 {
			t.Fatalf("%v in %s", err, text)
		}
		// Fields of Consul's that have to do with its mesh are not in here.
		for _, part := range []struct {
			got  map[string]any
			want string
		}{
			{answer[0].Node, "Address CreateIndex Datacenter ID Meta ModifyIndex Node TaggedAddresses"},
			{answer[0].Service, "Address CreateIndex EnableTagOverride ID Meta ModifyIndex Port Service Tags Weights"},
			{answer[0].Checks[0], "CheckID CreateIndex Interval ModifyIndex Name Node Notes Output ServiceID ServiceName ServiceTags Status Timeout Type"},
			{answer[0].Checks[1], "CheckID CreateIndex Interval ModifyIndex Name Node Notes Output ServiceID ServiceName ServiceTags Status Timeout Type"},
		} {
			for _, mesh := range []string{"Connect", "Proxy", "PeerName", "ExposedPort", "Definition"} {
				delete(part.got, mesh)
			}
			if got := strings.Join(slices.Sorted(maps.Keys(part.got)), " "); got != part.want {
				t.Errorf("fields %s\n  want %s", got, part.want)
			}
		}
		service := answer[0].Service
		if service["Address"] != "" || service["Port"] != 80.0 || service["Meta"] != nil {
			t.Errorf("Service = %v; want an Address that stays empty, and no Meta", service)
		}
		if tags, ok := service["Tags"].([]any); !ok || len(tags) != 0 {
			t.Errorf("Tags = %v, want an empty list", service["Tags"])
		}
		_, text = a.send(t, "GET", "/v1/agent/services", "")
		var services map[string]map[string]any
		if err := json.Unmarshal([]byte(text), &services); err != nil {
			t.Fatal(err)
		}
		if meta, ok := services[name]["Meta"].(map[string]any); !ok || len(meta) != 0 {
			t.Errorf("Meta in the list of services = %v, want an empty object", services[name]["Meta"])
		}
		if answer[0].Node["Address"] != "127.0.0.1" {
			t.Errorf("Node = %v", answer[0].Node)
		}
	})
}

func TestHeadersOfAnAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		_, meta, err := a.Health().Service(unique(t), "", false, nil)
		if err != nil || meta.LastIndex < 1 || !meta.KnownLeader || meta.LastContact != 0 || meta.DefaultACLPolicy != "allow" {
			t.Errorf("meta = %+v, %v", meta, err)
		}
		response, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + a.address + "/v1/health/service/n")
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if got := response.Header.Get("Content-Type"); got != "application/json" {
			t.Errorf("Content-Type = %q", got)
		}
	})
}
