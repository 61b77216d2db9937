package consulnaming

// The parameters of a target, by name in lower case. docs/consul-target.md has the same
// ones. They do not change.

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/consul/api"
)

type parameter struct {
	sets string // of those that set the same, a target has one; "tags" add up
	bare string // the value of one that is written without "="
	set  func(t *target, value string) error
}

var parameters = map[string]parameter{
	"tag":  {sets: "tags", set: func(t *target, v string) error { return t.tag(v) }},
	"tags": {sets: "tags", set: func(t *target, v string) error { return t.tag(strings.Split(v, ",")...) }},

	"dc":        textOf("dc", func(q *api.QueryOptions) *string { return &q.Datacenter }),
	"ns":        textOf("ns", func(q *api.QueryOptions) *string { return &q.Namespace }),
	"partition": textOf("partition", func(q *api.QueryOptions) *string { return &q.Partition }),
	"peer":      textOf("peer", func(q *api.QueryOptions) *string { return &q.Peer }),
	"near":      textOf("near", func(q *api.QueryOptions) *string { return &q.Near }),
	"filter":    textOf("filter", func(q *api.QueryOptions) *string { return &q.Filter }),
	"token":     textOf("token", func(q *api.QueryOptions) *string { return &q.Token }),

	"stale":              flagOf("stale", (*target).setStale),
	"allow-stale":        flagOf("stale", (*target).setStale),
	"consistent":         flagOf("consistent", (*target).setConsistent),
	"require-consistent": flagOf("consistent", (*target).setConsistent),
	"cached":             flagOf("cached", (*target).setCached),

	"passing": flagOf("health", (*target).setPassing),
	"healthy": flagOf("health", (*target).setPassing),
	"health":  {sets: "health", set: (*target).setHealth},

	"wait":        durationOf("wait", func(o *options) *time.Duration { return &o.query.WaitTime }),
	"timeout":     durationOf("timeout", func(o *options) *time.Duration { return &o.timeout }),
	"max-backoff": durationOf("max-backoff", func(o *options) *time.Duration { return &o.maxBackoff }),
	"limit":       {sets: "limit", set: (*target).setLimit},

	"scheme":   {sets: "scheme", set: (*target).setScheme},
	"insecure": flagOf("insecure", func(t *target, on bool) { t.agent.insecure = &on }),
}

func parameterNames() string {
	return strings.Join(slices.Sorted(maps.Keys(parameters)), ", ")
}

func (t *target) option(o Option) { t.options = append(t.options, o) }

// tag adds tags. Empty ones are none, as with "tag=".
func (t *target) tag(tags ...string) error {
	for _, tag := range tags {
		if tag != "" {
			t.tags = append(t.tags, tag)
		}
	}
	return nil
}

func textOf(sets string, field func(*api.QueryOptions) *string) parameter {
	return parameter{sets: sets, set: func(t *target, v string) error {
		t.option(func(o *options) { *field(&o.query) = v })
		return nil
	}}
}

func flagOf(sets string, set func(t *target, on bool)) parameter {
	return parameter{sets: sets, bare: "true", set: func(t *target, v string) error {
		on, err := strconv.ParseBool(v)
		if err != nil {
			return fmt.Errorf("%q is neither; write true or false", v)
		}
		set(t, on)
		return nil
	}}
}

// durationOf reads one of which 0 is the default.
func durationOf(sets string, field func(*options) *time.Duration) parameter {
	return parameter{sets: sets, set: func(t *target, v string) error {
		d, err := time.ParseDuration(v)
		if err != nil || d < 0 {
			return fmt.Errorf("%q is no duration; write for example 30s", v)
		}
		t.option(func(o *options) { *field(o) = d })
		return nil
	}}
}

// What excludes each other in a query, the one that is written counts.

func (t *target) setStale(on bool) {
	t.stale = on
	t.option(func(o *options) {
		o.query.AllowStale = on
		o.query.RequireConsistent = o.query.RequireConsistent && !on
	})
}

func (t *target) setCached(on bool) {
	t.cached = on
	t.option(func(o *options) {
		o.query.UseCache = on
		o.query.RequireConsistent = o.query.RequireConsistent && !on
	})
}

func (t *target) setConsistent(on bool) {
	t.consistent = on
	t.option(func(o *options) {
		o.query.RequireConsistent = on
		o.query.AllowStale, o.query.UseCache = o.query.AllowStale && !on, o.query.UseCache && !on
	})
}

func (t *target) setPassing(on bool) { t.option(PassingOnly(on)) }

func (t *target) setHealth(v string) error {
	rules := map[string]HealthRule{
		"healthy": Passing, "warning": PassingOrWarning, "fallbacktounhealthy": PassingElseAny, "any": AnyHealth,
	}
	rule, ok := rules[strings.ToLower(v)]
	if !ok {
		return fmt.Errorf("%q is no rule; write healthy, warning, fallbackToUnhealthy or any", v)
	}
	t.option(Healthy(rule))
	return nil
}

// setLimit reads a number of which 0 is no limit.
func (t *target) setLimit(v string) error {
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is no number of instances; write for example 3", v)
	}
	t.option(func(o *options) { o.limit = n })
	return nil
}

func (t *target) setScheme(v string) error {
	t.agent.scheme = strings.ToLower(v)
	if t.agent.scheme != "http" && t.agent.scheme != "https" {
		return errors.New("it is neither; write http or https")
	}
	return nil
}
