// Package catalog fills a real Consul with instances that nobody runs: entries of
// the catalogue under nodes of their own, each with a check as an agent makes
// them, so that answers have the size that they have in practice.
package catalog

import (
	"fmt"

	"github.com/hashicorp/consul/api"
)

const (
	perNode = 100 // instances
	perTxn  = 60  // instances, with two operations each; Consul takes 128 in one
)

// Fill registers the instances 0 to n-1 of service.
func Fill(c *api.Client, service string, n int) error {
	for from := 0; from < n; from += perTxn {
		var ops api.TxnOps
		for i := from; i < min(from+perTxn, n); i++ {
			if i%perNode == 0 || i == from {
				ops = append(ops, &api.TxnOp{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: node(service, i)}})
			}
			r := registration(service, i)
			ops = append(ops,
				&api.TxnOp{Service: &api.ServiceTxnOp{Verb: api.ServiceSet, Node: r.Node, Service: *r.Service}},
				&api.TxnOp{Check: &api.CheckTxnOp{Verb: api.CheckSet, Check: *r.Checks[0]}})
		}
		ok, response, _, err := c.Txn().Txn(ops, nil)
		if err != nil {
			return fmt.Errorf("filling service %q: %w", service, err)
		}
		if !ok {
			return fmt.Errorf("filling service %q: %s", service, response.Errors[0].What)
		}
	}
	return nil
}

// Add registers instance i.
func Add(c *api.Client, service string, i int) error {
	_, err := c.Catalog().Register(registration(service, i), nil)
	return err
}

// Remove deregisters instance i.
func Remove(c *api.Client, service string, i int) error {
	r := registration(service, i)
	_, err := c.Catalog().Deregister(&api.CatalogDeregistration{Node: r.Node, ServiceID: r.Service.ID}, nil)
	return err
}

// Addr is where clients believe instance i to be.
func Addr(i int) string { return fmt.Sprintf("%s:%d", host(i), port) }

const port = 50051

func host(i int) string { return fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255) }

func node(service string, i int) api.Node {
	return api.Node{Node: fmt.Sprintf("%s-node-%d", service, i/perNode), Address: fmt.Sprintf("10.255.0.%d", i/perNode)}
}

func registration(service string, i int) *api.CatalogRegistration {
	n, id := node(service, i), fmt.Sprintf("%s-%d", service, i)
	return &api.CatalogRegistration{
		Node:    n.Node,
		Address: n.Address,
		Service: &api.AgentService{
			ID: id, Service: service, Address: host(i), Port: port,
			Tags: []string{"v1", "grpc"},
			Meta: map[string]string{"version": "1.2.3"},
		},
		Checks: api.HealthChecks{{
			Node: n.Node, CheckID: "service:" + id, Name: "Service '" + service + "' check", Status: api.HealthPassing,
			Output: "gRPC check " + Addr(i) + ": success", ServiceID: id, ServiceName: service, Type: "grpc",
		}},
	}
}
