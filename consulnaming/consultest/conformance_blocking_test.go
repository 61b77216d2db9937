package consultest_test

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
)

func TestBlockingQueryReturnsOnChange(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		ttl := &api.AgentServiceCheck{TTL: "1h", Status: "passing"}
		_, index := a.query(t, name, 0, 0)
		for _, change := range []struct {
			what   string
			make   func() error
			status string
		}{
			{"the service appears", func() error {
				a.register(t, api.AgentServiceRegistration{Name: name, Check: ttl})
				return nil
			}, "passing"},
			{"its port", func() error {
				a.register(t, api.AgentServiceRegistration{Name: name, Port: 1, Check: ttl})
				return nil
			}, "passing"},
			{"its tags", func() error {
				a.register(t, api.AgentServiceRegistration{Name: name, Port: 1, Tags: []string{"t"}, Check: ttl})
				return nil
			}, "passing"},
			{"its health", func() error { return a.Agent().UpdateTTL("service:"+name, "", "fail") }, "critical"},
			{"its check's output", func() error { return a.Agent().UpdateTTL("service:"+name, "why", "fail") }, "critical"},
			{"a check goes", func() error { return a.Agent().CheckDeregister("service:" + name) }, "passing"},
			{"a second instance", func() error {
				a.register(t, api.AgentServiceRegistration{ID: name + "-2", Name: name})
				return nil
			}, "2 instances"},
			{"one goes", func() error { return a.Agent().ServiceDeregister(name) }, "passing"},
			{"the other goes", func() error { return a.Agent().ServiceDeregister(name + "-2") }, "0 instances"},
		} {
			pending := a.start(t, name, index, time.Minute)
			if err := change.make(); err != nil {
				t.Fatal(err)
			}
			got := <-pending
			for a.real && got.err == nil && status(got.entries) != change.status {
				// A real agent may answer before the change, with an index that
				// has grown for another reason.
				t.Logf("%s: woken early, with %s at %d after %d", change.what, status(got.entries), got.index, index)
				got = <-a.start(t, name, got.index, time.Minute)
			}
			if got.err != nil || status(got.entries) != change.status {
				t.Fatalf("%s: %s, %v, want %s", change.what, status(got.entries), got.err, change.status)
			}
			if got.index <= index {
				t.Errorf("%s: index %d after %d", change.what, got.index, index)
			}
			index = got.index
		}
	})
}

func TestBlockingQueryTimesOut(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		known, unknown := unique(t), unique(t)
		a.register(t, api.AgentServiceRegistration{Name: known})
		for _, name := range []string{known, unknown} {
			before, index := a.query(t, name, 0, 0)
			const wait = 100 * time.Millisecond
			begin := time.Now()
			after, same := a.query(t, name, index, wait)
			took := time.Since(begin)
			if same != index || len(after) != len(before) {
				t.Errorf("%s: %d entries at %d, before %d at %d", name, len(after), same, len(before), index)
			}
			if took < wait {
				t.Errorf("%s: returned after %v, wanted to wait %v", name, took, wait)
			}
		}
	})
}

func TestUnknownServiceHasAnIndexAndAnEmptyList(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		entries, index := a.query(t, unique(t), 0, 0) // fails when the index is below 1
		if entries == nil || len(entries) != 0 {
			t.Errorf("entries = %#v at %d, want an empty list, not null", entries, index)
		}
	})
}

func TestOldIndexReturnsAtOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{Name: name})
		_, index := a.query(t, name, 0, 0)
		if entries, again := a.query(t, name, index-1, 10*time.Minute); len(entries) != 1 || again != index {
			t.Errorf("%v at %d, want one at %d", entries, again, index)
		}
		// Also after the last instance has gone.
		if err := a.Agent().ServiceDeregister(name); err != nil {
			t.Fatal(err)
		}
		if entries, gone := a.query(t, name, index, 10*time.Minute); len(entries) != 0 || gone <= index {
			t.Errorf("%v at %d, want none, above %d", entries, gone, index)
		}
	})
}

func TestIndexAboveTheCurrentOneBlocks(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		// What a client meets that has kept its index over an agent's restart:
		// the query waits, and the answer has the lower index.
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{Name: name})
		_, current := a.query(t, name, 0, 0)
		const wait = 100 * time.Millisecond
		begin := time.Now()
		if entries, index := a.query(t, name, 1<<40, wait); len(entries) != 1 || index != current {
			t.Errorf("%v at %d, want one at %d", entries, index, current)
		}
		if took := time.Since(begin); took < wait {
			t.Errorf("returned after %v, wanted to wait %v", took, wait)
		}
	})
}

func TestOthersDoNotWakeABlockingQuery(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		service := api.AgentServiceRegistration{Name: name, Port: 1, Check: &api.AgentServiceCheck{TTL: "1h", Status: "passing"}}
		a.register(t, service)
		_, index := a.query(t, name, 0, 0)
		pending := a.start(t, name, index, 200*time.Millisecond)
		for port := 0; ; port++ {
			// Another service, the same registration again, the same health.
			a.register(t, api.AgentServiceRegistration{Name: name + "-other", Port: port})
			a.register(t, service)
			if err := a.Agent().UpdateTTL("service:"+name, "", "pass"); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-pending:
				if got.err != nil || got.index != index {
					t.Errorf("woken at %d, %v; want the time to pass at %d", got.index, got.err, index)
				}
				return
			default:
			}
		}
	})
}

func TestConsistencyModesAreAccepted(t *testing.T) {
	onBoth(t, func(t *testing.T, a agent) {
		name := unique(t)
		a.register(t, api.AgentServiceRegistration{Name: name})
		_, index := a.query(t, name, 0, 0)
		for _, options := range []api.QueryOptions{
			{AllowStale: true}, {RequireConsistent: true}, {UseCache: true}, {Datacenter: "dc1"},
		} {
			if entries, _, err := a.Health().Service(name, "", false, &options); err != nil || len(entries) != 1 {
				t.Errorf("%+v: %v, %v", options, entries, err)
			}
			options.WaitIndex, options.WaitTime = index, 10*time.Millisecond
			if entries, meta, err := a.Health().Service(name, "", false, &options); err != nil || len(entries) != 1 || meta.LastIndex != index {
				t.Errorf("%+v: %v, %v", options, entries, err)
			}
		}
	})
}
