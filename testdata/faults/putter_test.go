package faults

import (
	"fmt"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
)

// inCatalog puts instances into the catalogue of a real Consul directly, as nodes
// of their own do that run no agent. What is put at an agent becomes visible some
// time later and in any order.
type inCatalog struct {
	client  *api.Client
	service string
}

// perTxn is what Consul takes in one transaction.
const perTxn = 128

func (c inCatalog) node() string { return c.service + "-node" }

// put makes several changes one after the other if there is more than one
// instance, but no single one is visible that was not recorded.
func (c inCatalog) put(instances ...instance) error {
	for _, i := range instances {
		check := &api.AgentCheck{Node: c.node(), CheckID: "check-" + i.id, Name: "health", Status: api.HealthPassing, ServiceID: i.id}
		if i.sick {
			check.Status = api.HealthCritical
		}
		_, err := c.client.Catalog().Register(&api.CatalogRegistration{
			Node:    c.node(),
			Address: "127.0.0.1",
			Service: &api.AgentService{ID: i.id, Service: c.service, Address: i.host, Port: i.port},
			Check:   check,
		}, nil)
		if err != nil {
			return fmt.Errorf("register %q: %w", i.id, err)
		}
	}
	return nil
}

func (c inCatalog) remove(id string) error {
	_, err := c.client.Catalog().Deregister(&api.CatalogDeregistration{Node: c.node(), ServiceID: id}, nil)
	if err != nil {
		return fmt.Errorf("deregister %q: %w", id, err)
	}
	return nil
}

// atStandIn puts instances into a stand-in.
type atStandIn struct {
	server  *consultest.Server
	service string
}

func (s atStandIn) put(instances ...instance) error {
	for _, i := range instances {
		check := &api.AgentServiceCheck{TTL: "24h", Status: api.HealthPassing}
		if i.sick {
			check.Status = api.HealthCritical
		}
		err := s.server.Register(api.AgentServiceRegistration{ID: i.id, Name: s.service, Address: i.host, Port: i.port, Check: check})
		if err != nil {
			return fmt.Errorf("register %q: %w", i.id, err)
		}
		status := api.HealthPassing
		if i.sick {
			status = api.HealthCritical
		}
		if err := s.server.SetHealth(i.id, status); err != nil {
			return err
		}
	}
	return nil
}

func (s atStandIn) remove(id string) error { return s.server.Deregister(id) }
