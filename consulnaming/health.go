package consulnaming

// Which instances count, by the state of their checks. The goroutine of a loop asks.

import (
	"slices"

	"github.com/hashicorp/consul/api"
)

// HealthRule says which instances of a service are delivered. The state of an instance
// is the worst of its checks and its node's; maintenance counts as critical.
type HealthRule int

const (
	// Passing delivers instances all of whose checks pass. It is the default, as in
	// the article.
	Passing HealthRule = iota
	// PassingOrWarning delivers those that have a warning, too.
	PassingOrWarning
	// PassingElseAny delivers those that pass, or all if none does: RPCs are tried at
	// instances whose checks may be wrong. Grpcconsulresolver calls it
	// fallbackToUnhealthy.
	PassingElseAny
	// AnyHealth delivers all, those that are critical and those in maintenance included.
	AnyHealth
)

// Healthy says which instances are delivered. Of PassingOnly and Healthy the
// last option counts. With PassingOrWarning and PassingElseAny the agent is asked for
// all instances, and the rule is applied to its answer.
func Healthy(rule HealthRule) Option {
	return func(o *options) { o.health = rule }
}

// filter returns those of the entries that count, in a slice that may be the same.
func (h HealthRule) filter(entries []*api.ServiceEntry) []*api.ServiceEntry {
	if h != PassingOrWarning && h != PassingElseAny {
		return entries
	}
	healthy := make([]*api.ServiceEntry, 0, len(entries))
	for _, e := range entries {
		switch s := worstStatus(e); {
		case s == api.HealthPassing, s == api.HealthWarning && h == PassingOrWarning:
			healthy = append(healthy, e)
		}
	}
	if h == PassingElseAny && len(healthy) == 0 {
		return entries
	}
	return healthy
}

// worstStatus is that of the checks of e and its node, as Consul's own DNS has it.
func worstStatus(e *api.ServiceEntry) string {
	if slices.Contains(e.Checks, nil) { // package api would panic
		return api.HealthCritical
	}
	return e.Checks.AggregatedStatus()
}
