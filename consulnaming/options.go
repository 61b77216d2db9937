package consulnaming

// What New and NewBuilder can be told. They apply the options, which do not change
// after that.

import (
	"maps"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"
)

// Option changes what a resolver made by [New] or [NewBuilder] asks for and delivers.
type Option func(*options)

type options struct {
	asked
	view
	keepLast bool
	agent    string // as CONSUL_HTTP_ADDR has it
	endpoint func(Instance, resolver.Endpoint) resolver.Endpoint
}

// asked is what the agent is asked for.
type asked struct {
	tags   []string
	query  api.QueryOptions // with a WaitTime
	health HealthRule

	limit               int           // of the instances, in the agent's order; 0 is no limit
	timeout, maxBackoff time.Duration // longest times of a query, and between tries; 0 is ours
}

// view says how an instance becomes an address, with Metadata or attributes. The zero
// value makes the article's addresses, mended as doc.go says, without either.
type view struct {
	native   bool                                       // with attributes
	address  func(*api.ServiceEntry) api.ServiceAddress // nil means serviceAddress
	metadata func(*api.ServiceEntry) interface{}
}

func newOptions(opts []Option) options {
	o := options{}
	for _, opt := range opts {
		if opt != nil {
			opt(&o)
		}
	}
	o.query.WaitIndex, o.query.WaitHash = 0, ""
	if o.query.WaitTime <= 0 {
		o.query.WaitTime = defaultWait
	}
	o.query.WaitTime = min(o.query.WaitTime, longestWait)
	if o.timeout > 0 { // the agent adds up to a sixteenth, and the answer takes time
		room := o.timeout - min(slack, o.timeout/2)
		o.query.WaitTime = max(time.Millisecond, min(o.query.WaitTime, room*16/17))
	}
	if o.limit > 0 && o.query.Near == "" {
		o.query.Near = "_agent"
	}
	return o
}

// choose returns those of an answer's entries that are delivered.
func (a *asked) choose(entries []*api.ServiceEntry) []*api.ServiceEntry {
	entries = a.health.filter(entries)
	if a.limit > 0 {
		entries = entries[:min(a.limit, len(entries))]
	}
	return entries
}

// users says that v calls functions of the user.
func (v *view) users() bool { return v.address != nil || v.metadata != nil }

// Agent is the address of the agent that a target without host:port is asked of, in the
// forms of [NewConsulResolver]: a URL or a socket has no place in a target. It is for
// [NewBuilder]; with a client that is given, Build and Resolve fail.
func Agent(address string) Option {
	return func(o *options) { o.agent = address }
}

// Tags restricts the instances to those that have all of the tags.
func Tags(tags ...string) Option {
	tags = append([]string(nil), tags...)
	return func(o *options) { o.tags = tags }
}

// QueryOptions sets what is asked for: datacenter, namespace, partition, peer,
// near, filter, token, stale or consistent reads, the agent's cache.
//
// WaitIndex, WaitHash and the context are the watcher's own and ignored here.
// WaitTime is how long the agent may hold a query without a change, one minute
// by default, ten at most
// (https://developer.hashicorp.com/consul/api-docs/features/blocking). An agent that
// is silent for longer than that, a sixteenth of it, and ten seconds has failed.
//
// While there is no instance, the wait is less than two seconds, whatever q says, and
// each empty answer is confirmed by a query that does not wait. The reason: the agent
// may not say that the token lacks the right to see instances, nor that it has got it.
//
// The first query is a consistent read, unless q asks for stale or cached answers.
// When the index goes back, the next query is a consistent read without the agent's
// cache, whatever q says: only the leader knows whether instances are gone
// (https://developer.hashicorp.com/consul/api-docs/features/consistency).
func QueryOptions(q *api.QueryOptions) Option {
	var query api.QueryOptions
	if q != nil {
		query = *q
		query.NodeMeta = maps.Clone(q.NodeMeta)
	}
	return func(o *options) { o.query = query }
}

// PassingOnly says whether instances with a warning or critical check are left
// out. They are by default, as in the article.
//
// It is short for [Healthy] with [Passing] or [AnyHealth].
func PassingOnly(only bool) Option {
	if only {
		return Healthy(Passing)
	}
	return Healthy(AnyHealth)
}

// AddressFunc chooses the address of an instance, for example one of
// e.Service.TaggedAddresses. By default it is the service's address or, if that
// is empty, the node's, with the service's port. An instance without address or
// port is left out, with a warning in the log; so is one for which f panics. f is
// called by the goroutine that calls Next, or by the one of the ClientConn's resolver
// ([NewBuilder]). It must not change e, which others read.
func AddressFunc(f func(e *api.ServiceEntry) api.ServiceAddress) Option {
	return func(o *options) { o.address = f }
}

// MetadataFunc fills the Metadata of each Update. When the value for a known
// address changes in content, as reflect.DeepEqual sees it, Next returns a
// Delete with the old value and an Add with the new one. Do not change a value that f
// has returned, nor what it points to. f is called by the goroutine that calls Next,
// and must not change e, which other watchers read. An address for which f panics has
// nil Metadata.
//
// It is for [New]. A resolver of [NewBuilder] has no Metadata: see [InstanceOf].
func MetadataFunc(f func(e *api.ServiceEntry) interface{}) Option {
	return func(o *options) { o.metadata = f }
}

// KeepLastKnown keeps the last instances when the agent says that there are
// none any more, until it names some again. By default they go, as in the
// article.
//
// It is for services that always have an instance. There, an empty answer most likely
// means that Consul has lost its state, or that a check is broken. RPCs go on to the
// last instances, and fail only if nobody is there. If there is no instance when a
// ClientConn wakes up from idleness, or is dialled again, an adapter.RoundRobin keeps
// those that it had before. A resolver of [NewBuilder] begins anew then, and keeps none.
func KeepLastKnown() Option {
	return func(o *options) { o.keepLast = true }
}

// EndpointFunc changes the endpoint of an instance before grpc gets it: f returns e with
// other attributes or addresses. It is how an instance gets the weight that a policy of
// grpc heeds. With package google.golang.org/grpc/experimental/balancer/weight:
//
//	consulnaming.EndpointFunc(func(i consulnaming.Instance, e resolver.Endpoint) resolver.Endpoint {
//		return weight.Set(e, weight.EndpointInfo{Weight: uint32(i.Weight)})
//	})
//
// e has one address. State.Addresses has those of all endpoints, each with its
// endpoint's Attributes as BalancerAttributes unless f has set those. An instance for
// whose endpoint f returns no address is left out, and so is one for which f panics,
// with a warning in the log. f is called for all instances when one has changed, by the
// goroutine of the ClientConn's resolver. It must not change what i points to.
//
// It is for [NewBuilder]. A naming.Update of [New] has no endpoint: see [MetadataFunc].
func EndpointFunc(f func(i Instance, e resolver.Endpoint) resolver.Endpoint) Option {
	return func(o *options) { o.endpoint = f }
}
