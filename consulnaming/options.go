package consulnaming

// What New can be told. New applies the options; they do not change after that.

import (
	"maps"

	"github.com/hashicorp/consul/api"
)

// Option changes what a resolver made by [New] asks for and delivers.
type Option func(*options)

type options struct {
	asked
	view
	keepLast bool
}

// asked is what the agent is asked for.
type asked struct {
	tags   []string
	query  api.QueryOptions // with a WaitTime
	health HealthRule
}

// view says how an instance becomes an address and its Metadata. The zero value
// makes the article's addresses, mended as doc.go says, without Metadata.
type view struct {
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
	return o
}

// plain says that v is the zero value.
func (v *view) plain() bool { return v.address == nil && v.metadata == nil }

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
// called by the goroutine that calls Next, and must not change e, which other
// watchers read.
func AddressFunc(f func(e *api.ServiceEntry) api.ServiceAddress) Option {
	return func(o *options) { o.address = f }
}

// MetadataFunc fills the Metadata of each Update. When the value for a known
// address changes in content, as reflect.DeepEqual sees it, Next returns a
// Delete with the old value and an Add with the new one. Do not change a value that f
// has returned, nor what it points to. f is called by the goroutine that calls Next,
// and must not change e, which other watchers read. An address for which f panics has
// nil Metadata.
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
// those that it had before.
func KeepLastKnown() Option {
	return func(o *options) { o.keepLast = true }
}
