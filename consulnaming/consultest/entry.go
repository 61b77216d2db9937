package consultest

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// The node that everything is registered on.
const (
	datacenter  = "dc1"
	nodeName    = "consultest"
	nodeAddress = "127.0.0.1"
	nodeID      = "00000000-0000-4000-8000-000000000001"
)

// An entry is an element of the answer to a health query, with the field names
// of Consul's JSON:
// https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service
type entry struct {
	Node    entryNode
	Service entryService
	Checks  []entryCheck
}

type entryNode struct {
	ID, Node, Address, Datacenter string
	TaggedAddresses, Meta         map[string]string
	CreateIndex, ModifyIndex      uint64
}

type entryService struct {
	ID                       string
	Service                  string
	Tags                     []string
	Meta                     map[string]string
	Port                     int `json:",omitempty"`
	Address                  string
	TaggedAddresses          map[string]serviceAddress `json:",omitempty"`
	Weights                  weights
	EnableTagOverride        bool
	Datacenter               string `json:",omitempty"`
	CreateIndex, ModifyIndex uint64
}

type entryCheck struct {
	Node, CheckID, Name, Status, Notes, Output string
	ServiceID, ServiceName                     string
	ServiceTags                                []string
	Type, Interval, Timeout                    string
	CreateIndex, ModifyIndex                   uint64
}

// instances returns what a health query selects, in the order of IDs, with the
// index of the service's last change and a channel that the next change of
// anything closes.
func (c *catalog) instances(name string, tags []string, passingOnly bool) ([]entry, uint64, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	entries := []entry{}
	for _, id := range slices.Sorted(maps.Keys(c.services)) {
		s := c.services[id]
		if !strings.EqualFold(s.name, name) || !s.hasTags(tags) {
			continue
		}
		e := entry{Node: thisNode, Service: s.entry(), Checks: []entryCheck{nodeCheck}}
		passing := true
		for _, ck := range c.checksOf(id) {
			e.Checks = append(e.Checks, ck.entry(s))
			passing = passing && ck.status == "passing"
		}
		if passing || !passingOnly {
			entries = append(entries, e)
		}
	}
	return entries, max(1, c.last[strings.ToLower(name)]), c.changed
}

// list returns all services by ID, for /v1/agent/services.
func (c *catalog) list() map[string]entryService {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]entryService)
	for id, s := range c.services {
		e := s.entry()
		e.Datacenter = datacenter
		if e.Meta == nil {
			e.Meta = map[string]string{}
		}
		all[id] = e
	}
	return all
}

var thisNode = entryNode{
	ID: nodeID, Node: nodeName, Address: nodeAddress, Datacenter: datacenter,
	TaggedAddresses: map[string]string{"lan": nodeAddress, "lan_ipv4": nodeAddress, "wan": nodeAddress, "wan_ipv4": nodeAddress},
	Meta:            map[string]string{},
	CreateIndex:     1, ModifyIndex: 1,
}

// nodeCheck is the check that every node has: the node itself is alive.
var nodeCheck = entryCheck{
	Node: nodeName, CheckID: "serfHealth", Name: "Serf Health Status", Status: "passing",
	Output: "Agent alive and reachable", ServiceTags: []string{},
	CreateIndex: 1, ModifyIndex: 1,
}

func (s *service) entry() entryService {
	return entryService{
		ID: s.id, Service: s.name, Tags: s.tags, Meta: s.meta, Port: s.port, Address: s.address,
		TaggedAddresses: s.taggedAddresses, Weights: s.weights, CreateIndex: s.create, ModifyIndex: s.modify,
	}
}

func (ck *check) entry(s *service) entryCheck {
	return entryCheck{
		Node: nodeName, CheckID: ck.id, Name: ck.name, Status: ck.status, Notes: ck.notes, Output: ck.output,
		ServiceID: s.id, ServiceName: s.name, ServiceTags: s.tags,
		Type: ck.kind, Interval: text(ck.interval), Timeout: text(ck.timeout),
		CreateIndex: ck.create, ModifyIndex: ck.modify,
	}
}

func text(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}
