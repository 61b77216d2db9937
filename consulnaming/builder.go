package consulnaming

// The resolver.Builder for targets of the scheme "consul". Build makes a query and a
// resolver, and asks nobody. Any goroutine may call it.

import (
	"errors"
	"slices"
	"sync"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"
)

// NewBuilder returns a resolver.Builder for targets such as
//
//	consul:///service
//	consul://host:port/service?tag=a&tag=b&dc=dc2
//
// It is given to grpc.WithResolvers, or to resolver.Register; importing package
// consulnaming/register does the latter. The instances of service go to grpc as a
// resolver.State, and any LB policy and service config may be used with it.
// [InstanceOf] reads what Consul knows of each instance beside its address.
//
// The client is made from the environment, as with [NewConsulResolver]. host:port is the
// agent's, and takes the place of CONSUL_HTTP_ADDR. opts are what a target has unless
// its parameters say otherwise:
//
//	tag=a, tags=a,b            instances that have all of the tags
//	passing=false, health=any  which instances count: see Healthy
//	dc, ns, partition, peer    where the service is
//	filter, near, limit        which of its instances, in which order, how many
//	stale, consistent, cached  what an answer may be read from
//	wait, timeout, max-backoff durations such as 30s
//	token, scheme, insecure    how the agent is asked; user:password@ in front of host
//
// docs/consul-target.md in the project has all of them, and what is different for those
// who come from mbobakov/grpc-consul-resolver or simplesurance/grpcconsulresolver, whose
// names are accepted. A parameter that is not known, or a value that cannot be read,
// makes Build fail.
//
// Grpc logs targets, and channelz shows them: a token is better off in the environment.
//
// All ClientConns of a process that have the same agent, service and settings share one
// query. With [AddressFunc], all of the answer is decoded, instead of what a State needs.
// RPCs fail with the reason of a query that fails while no address is known; but today's
// round_robin shows none after an answer without instances. When a ClientConn goes idle
// its watch ends, and begins again when that wakes up. If Consul does not answer then,
// RPCs go to the instances that were there before.
func NewBuilder(opts ...Option) resolver.Builder {
	return newBuilder(nil, false, opts)
}

// NewBuilderWithClient returns a resolver.Builder as [NewBuilder] does, that watches
// through client, which stays the caller's: see [New]. What only a client can be made
// with has no place in its targets: host:port, user:password@, scheme and insecure.
func NewBuilderWithClient(client *api.Client, opts ...Option) resolver.Builder {
	return newBuilder(client, true, opts)
}

type builder struct {
	client *api.Client
	given  bool // client was given by the user, be it nil
	opts   []Option

	// known has the last list of each query, by its key, for the next resolver: grpc
	// closes one when its ClientConn goes idle, and builds another when that wakes up.
	// Behind a function it is not read when a user prints the builder.
	known func() *sync.Map
}

func newBuilder(client *api.Client, given bool, opts []Option) *builder {
	known := new(sync.Map)
	return &builder{client: client, given: given, opts: slices.Clone(opts), known: func() *sync.Map { return known }}
}

// Scheme returns "consul".
func (b *builder) Scheme() string { return "consul" }

// errOfClient is about a part of the target.
var errOfClient = errors.New("the client that NewBuilderWithClient was given has its own agent: host:port, user:password@, scheme and insecure have no place here; write consul:///service, or use NewBuilder")

var errAgent = errors.New("consulnaming: Agent is for NewBuilder: a client that is given has its own")

// Build starts the watch of target's service.
func (b *builder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	t, err := parseTarget(&target.URL)
	if err != nil {
		return nil, err
	}
	s := &settings{agent: t.agent, client: b.client, given: b.given, options: newOptions(append(slices.Clip(b.opts), t.options...))}
	if s.agent.address == "" {
		s.agent.address = s.options.agent
	}
	switch {
	case b.given && s.options.agent != "":
		return nil, errAgent
	case s.options.view.metadata != nil:
		return nil, errMetadataFunc
	case s.given && t.agent != agentConfig{}:
		return nil, t.errorOf(errOfClient)
	}
	s.options.view.native = true
	q, err := s.query(t.service)
	if err != nil {
		return nil, err
	}
	return newNative(q, &s.options, cc, b.known()), nil
}
