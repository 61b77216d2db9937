package consultest_test

import (
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

// These tests and those of the other conformance_*_test.go files pass against
// a real agent and against this package: what they show of one holds for the
// other.

func TestRegisterAndDeregister(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{Name: name, Address: "10.0.0.1", Port: 80})
		a.register(t, api.AgentServiceRegistration{ID: name + "-2", Name: name, Port: 81})

		entries, _ := a.query(t, name, 0, 0)
		if got, want := ids(entries), name+" "+name+"-2"; got != want {
			t.Fatalf("instances = %q, want %q: the name is the default of the ID", got, want)
		}
		first, second := entries[0], entries[1]
		if first.Service.Service != name || first.Service.Address != "10.0.0.1" || first.Service.Port != 80 {
			t.Errorf("the first is %+v", first.Service)
		}
		if second.Service.Address != "" || second.Node.Address != "127.0.0.1" || second.Service.Port != 81 {
			t.Errorf("the second is %+v on %+v; want no address of its own", second.Service, second.Node)
		}
		services, err := a.Agent().Services()
		if err != nil || services[name] == nil || services[name+"-2"].Port != 81 || services[name].Datacenter != "dc1" {
			t.Errorf("services of the agent: %v, %v", services, err)
		}

		if err := a.Agent().ServiceDeregister(name); err != nil {
			t.Fatal(err)
		}
		entries, _ = a.query(t, name, 0, 0)
		if got, want := ids(entries), name+"-2"; got != want {
			t.Errorf("after deregistration: %q, want %q", got, want)
		}
		if services, err := a.Agent().Services(); err != nil || services[name] != nil {
			t.Errorf("services of the agent: %v, %v", services, err)
		}
	})
}

func TestDuplicateIDReplaces(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{ID: name + "-id", Name: name, Port: 1, Tags: []string{"old"}})
		a.register(t, api.AgentServiceRegistration{ID: name + "-id", Name: name, Port: 2})
		entries, index := a.query(t, name, 0, 0)
		if len(entries) != 1 || entries[0].Service.Port != 2 || len(entries[0].Service.Tags) != 0 {
			t.Fatalf("entries = %+v, want the second registration", entries)
		}

		// Consul 1.22 wakes a query for the old name only when it has had a
		// blocking query for that name before: this one, which returns at once.
		a.query(t, name, index-1, time.Minute)
		pending := a.start(t, name, index, time.Minute)
		a.register(t, api.AgentServiceRegistration{ID: name + "-id", Name: name + "-renamed", Port: 2})
		if got := <-pending; got.err != nil || len(got.entries) != 0 || got.index <= index {
			t.Errorf("under the old name: %v at %d after %d, %v", got.entries, got.index, index, got.err)
		}
		if entries, _ := a.query(t, name+"-renamed", 0, 0); len(entries) != 1 {
			t.Errorf("under the new name: %v", entries)
		}
	})
}

func TestNamesAndTagsIgnoreCase(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{ID: name + "-1", Name: "X" + name, Tags: []string{"Blue", "v1"}})
		a.register(t, api.AgentServiceRegistration{ID: name + "-2", Name: "X" + name, Tags: []string{"blue", "v2"}})
		for _, test := range []struct {
			tags []string
			want string
		}{
			{nil, name + "-1 " + name + "-2"},
			{[]string{"BLUE"}, name + "-1 " + name + "-2"},
			{[]string{"blue", "v2"}, name + "-2"},
			{[]string{"v1", "v2"}, ""},
			{[]string{"green"}, ""},
			{[]string{""}, ""},
		} {
			entries, meta, err := a.Health().ServiceMultipleTags("x"+name, test.tags, false, nil)
			if err != nil || ids(entries) != test.want || meta.LastIndex < 1 {
				t.Errorf("tags %q: %q, %v, want %q", test.tags, ids(entries), err, test.want)
			}
		}
	})
}

func TestMetaAndTaggedAddressesAndWeights(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		given := map[string]api.ServiceAddress{"lan": {Address: "10.9.9.9", Port: 99}, "wan_ipv4": {Address: "10.8.8.8", Port: 88}}
		meta := map[string]string{"grpc": "yes", "weight": "3"}
		for _, test := range []struct {
			address string
			want    []string
		}{
			{"", nil},
			{"host.example", nil},
			{"10.0.0.1", []string{"lan_ipv4"}},
			{"2001:db8::1", []string{"lan_ipv6", "wan_ipv6"}},
		} {
			a.register(t, api.AgentServiceRegistration{Name: name, Address: test.address, Port: 7, Meta: meta,
				TaggedAddresses: given, Weights: &api.AgentWeights{Passing: 5, Warning: 2}})
			entries, _ := a.query(t, name, 0, 0)
			if len(entries) != 1 {
				t.Fatalf("entries = %v", entries)
			}
			want := maps.Clone(given)
			for _, key := range test.want {
				want[key] = api.ServiceAddress{Address: test.address, Port: 7}
			}
			s := entries[0].Service
			if !maps.Equal(s.TaggedAddresses, want) || !maps.Equal(s.Meta, meta) || s.Weights != (api.AgentWeights{Passing: 5, Warning: 2}) {
				t.Errorf("address %q: %+v, want tagged addresses %v", test.address, s, want)
			}
		}
	})
}

func TestSelfAndLeader(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		self, err := a.Agent().Self()
		if err != nil || self["Config"]["Datacenter"] != "dc1" || self["Config"]["Server"] != true || self["Member"]["Addr"] != "127.0.0.1" {
			t.Errorf("self = %v, %v", self, err)
		}
		name, err := a.Agent().NodeName()
		if err != nil || name == "" || name != self["Member"]["Name"] {
			t.Errorf("node name = %q, %v", name, err)
		}
		if leader, err := a.Status().Leader(); err != nil || len(leader) < len("127.0.0.1:1") {
			t.Errorf("leader = %q, %v", leader, err)
		}
	})
}
