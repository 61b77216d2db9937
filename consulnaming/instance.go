package consulnaming

// What a State says of an instance beside its addresses. An Instance does not change.

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/attributes"
)

// Instance is what Consul knows of an instance that a resolver of [NewBuilder] has
// found. Its slice and maps are shared, and must not be changed.
type Instance struct {
	Node       string // name
	ID         string // of the service; unique on its node
	Datacenter string
	Tags       []string
	Meta       map[string]string // of the service
	NodeMeta   map[string]string

	// Weight is the one that Consul's DNS has in SRV records: the service's weight for
	// passing, or the one for warning if the worst of its checks is that. Both are 1
	// unless the registration says otherwise. It is 0 if a check is critical, as
	// [AnyHealth] and [PassingElseAny] allow; grpc's policies take that for 1. See
	// https://developer.hashicorp.com/consul/docs/reference/service#weights and
	// findWeight in Consul's agent/dns.go.
	Weight int
}

// InstanceOf returns the instance that a resolver of [NewBuilder] has found, of
// an Endpoint's Attributes or of the BalancerAttributes of an Address in a State. ok is
// false if they have none.
//
// When only the Instance of an address changes, grpc's policies keep its connection. A
// policy sees the change in its next State; but one that is made with package
// balancer/base sees what was there when the connection was made.
func InstanceOf(a *attributes.Attributes) (i Instance, ok bool) {
	found := attributeOf(a)
	if found.Instance == nil {
		return Instance{}, false
	}
	return *found.Instance, true
}

type instanceKey struct{}

// attribute has an Equal for attributes.Attributes, which cannot compare maps.
type attribute struct{ *Instance }

func attributeOf(a *attributes.Attributes) attribute {
	found, _ := a.Value(instanceKey{}).(attribute)
	return found
}

func attributesOf(e *api.ServiceEntry) *attributes.Attributes {
	return attributes.New(instanceKey{}, attribute{&Instance{
		Node: e.Node.Node, ID: e.Service.ID, Datacenter: e.Node.Datacenter,
		Tags: e.Service.Tags, Meta: e.Service.Meta, NodeMeta: e.Node.Meta,
		Weight: weightOf(e),
	}})
}

// weightOf does as Consul's DNS does. An agent that sends no weights has none.
func weightOf(e *api.ServiceEntry) int {
	weights := e.Service.Weights
	if weights == (api.AgentWeights{}) {
		weights = api.AgentWeights{Passing: 1, Warning: 1}
	}
	switch worstStatus(e) {
	case api.HealthPassing:
		return weights.Passing
	case api.HealthWarning:
		return weights.Warning
	}
	return 0
}

func (a attribute) Equal(other any) bool {
	b, ok := other.(attribute)
	if !ok || a.Instance == nil || b.Instance == nil {
		return ok && a.Instance == b.Instance
	}
	return a.Instance == b.Instance || a.Node == b.Node && a.ID == b.ID && a.Datacenter == b.Datacenter && a.Weight == b.Weight &&
		slices.Equal(a.Tags, b.Tags) && maps.Equal(a.Meta, b.Meta) && maps.Equal(a.NodeMeta, b.NodeMeta)
}

// String is what grpc logs of it, and channelz shows.
func (a attribute) String() string {
	if a.Instance == nil {
		return "none"
	}
	return fmt.Sprintf("%s/%s", a.Node, a.ID)
}
