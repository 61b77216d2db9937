package peers

import (
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// agent starts a real Consul, which ends with the test.
func agent(t *testing.T) *consulagent.Agent {
	t.Helper()
	a, err := consulagent.Start(testwait.Context(t), consulagent.Config{})
	if err != nil {
		t.Fatalf("the real Consul (run `make consul`): %v", err)
	}
	t.Cleanup(func() {
		if err := a.Stop(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// backends starts as many, which end with the test.
func backends(t *testing.T, n int) []*backend.Backend {
	t.Helper()
	list := make([]*backend.Backend, n)
	for i := range list {
		b, err := backend.Start()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Stop)
		list[i] = b
	}
	return list
}

// register registers a backend until that succeeds: an agent that has just started
// may refuse it.
func register(t *testing.T, consul *api.Client, service string, b *backend.Backend, tags ...string) {
	t.Helper()
	r := &api.AgentServiceRegistration{ID: service + "-" + b.Addr(), Name: service, Address: "127.0.0.1", Port: b.Port(), Tags: tags}
	var err error
	testwait.Until(t, "the agent registers a service", func() bool {
		err = consul.Agent().ServiceRegister(r)
		return err == nil
	})
}

// index is the service's, as the agent has it.
func index(t *testing.T, consul *api.Client, service string) uint64 {
	t.Helper()
	_, meta, err := consul.Health().Service(service, "", true, nil)
	if err != nil {
		t.Fatal(err)
	}
	return meta.LastIndex
}
