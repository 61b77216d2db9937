package faults

import (
	"errors"
	"fmt"
	"slices"

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

// perTxn is how many instances Consul takes in one transaction of 128 operations,
// two for each.
const perTxn = 60

// put makes one visible change of up to perTxn instances, and of more of them
// several: whoever gives it those sees to it that nobody looks meanwhile.
func (c inCatalog) put(instances ...instance) error {
	return inTxns(instances, c.putTxn)
}

func (c inCatalog) remove(instances ...instance) error {
	return inTxns(instances, c.removeTxn)
}

func inTxns(instances []instance, do func([]instance) error) error {
	for some := range slices.Chunk(instances, perTxn) {
		if err := do(some); err != nil {
			return err
		}
	}
	return nil
}

func (c inCatalog) putTxn(instances []instance) error {
	var ops api.TxnOps
	nodes := make(map[string]bool)
	for _, i := range instances {
		node := c.node(i)
		if !nodes[node] {
			nodes[node] = true
			ops = append(ops, &api.TxnOp{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: api.Node{Node: node, Address: "127.0.0.1"}}})
		}
		ops = append(ops,
			&api.TxnOp{Service: &api.ServiceTxnOp{Verb: api.ServiceSet, Node: node, Service: api.AgentService{
				ID: i.id, Service: c.service, Address: i.host, Port: i.port,
			}}})
		if i.unchecked {
			continue
		}
		ops = append(ops,
			&api.TxnOp{Check: &api.CheckTxnOp{Verb: api.CheckSet, Check: api.HealthCheck{
				Node: node, CheckID: "check-" + i.id, Name: "health", Status: i.status(), ServiceID: i.id, ServiceName: c.service,
			}}})
	}
	return c.txn(ops)
}

func (c inCatalog) removeTxn(instances []instance) error {
	var ops api.TxnOps
	for _, i := range instances {
		ops = append(ops, &api.TxnOp{Service: &api.ServiceTxnOp{Verb: api.ServiceDelete, Node: c.node(i), Service: api.AgentService{ID: i.id, Service: c.service}}})
	}
	return c.txn(ops)
}

func (c inCatalog) node(i instance) string {
	if i.node != "" {
		return c.service + "-" + i.node
	}
	return c.service + "-node"
}

func (c inCatalog) txn(ops api.TxnOps) error {
	var ok bool
	var response *api.TxnResponse
	var err error
	// The agent's client keeps connections for the next trial.
	unlabelled(func() { ok, response, _, err = c.client.Txn().Txn(ops, nil) })
	if err == nil && !ok {
		err = errors.New(response.Errors[0].What)
	}
	if err != nil {
		return fmt.Errorf("changing service %q: %w", c.service, err)
	}
	return nil
}

// atStandIn puts instances into a stand-in, where several are several changes.
type atStandIn struct {
	server  *consultest.Server
	service string
}

func (s atStandIn) put(instances ...instance) error {
	for _, i := range instances {
		check := &api.AgentServiceCheck{TTL: "24h", Status: i.status()}
		err := s.server.Register(api.AgentServiceRegistration{ID: i.id, Name: s.service, Address: i.host, Port: i.port, Check: check})
		if err != nil {
			return fmt.Errorf("register %q: %w", i.id, err)
		}
		if err := s.server.SetHealth(i.id, i.status()); err != nil {
			return err
		}
	}
	return nil
}

func (s atStandIn) remove(instances ...instance) error {
	for _, i := range instances {
		if err := s.server.Deregister(i.id); err != nil {
			return err
		}
	}
	return nil
}

func (i instance) status() string {
	if i.sick {
		return api.HealthCritical
	}
	return api.HealthPassing
}
