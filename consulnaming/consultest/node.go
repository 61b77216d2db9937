package consultest

import "github.com/hashicorp/consul/api"

// The node that everything is registered on.
const (
	datacenter  = "dc1"
	nodeName    = "consultest"
	nodeAddress = "127.0.0.1"
	nodeID      = "00000000-0000-4000-8000-000000000001"
)

// An entry is an element of the answer to a health query:
// https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service
type entry struct {
	Node    *api.Node
	Service *api.AgentService
	Checks  []healthCheck
}

var thisNode = &api.Node{
	ID: nodeID, Node: nodeName, Address: nodeAddress, Datacenter: datacenter,
	TaggedAddresses: map[string]string{"lan": nodeAddress, "lan_ipv4": nodeAddress, "wan": nodeAddress, "wan_ipv4": nodeAddress},
	Meta:            map[string]string{},
	CreateIndex:     1, ModifyIndex: 1,
}

// nodeCheck is the check that every node has: the node itself is alive.
var nodeCheck = healthCheck{HealthCheck: api.HealthCheck{
	Node: nodeName, CheckID: "serfHealth", Name: "Serf Health Status", Status: api.HealthPassing,
	Output: "Agent alive and reachable", ServiceTags: []string{},
	CreateIndex: 1, ModifyIndex: 1,
}}

// self is the answer of /v1/agent/self.
var self = map[string]any{
	"Config": map[string]any{"Datacenter": datacenter, "NodeName": nodeName, "NodeID": nodeID, "Server": true},
	"Member": map[string]any{"Name": nodeName, "Addr": nodeAddress, "Status": 1},
	"Meta":   map[string]string{},
}
