package consultest

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/consul/api"
)

// A catalog holds the services and checks of the one agent that there is. HTTP
// handlers, the Server's methods, timers and probes use it, each through change
// or with the lock.
//
// Its index grows by one with each change that a client can see, and each
// service name keeps the index of its own last change, so that a query is woken
// by what concerns it only. Index 1 is a catalogue that nothing has happened to:
// Consul's index is never below 1.
type catalog struct {
	root   context.Context // ends the probes
	probes sync.WaitGroup

	mu       sync.Mutex // guards what follows
	closed   bool
	index    uint64
	pending  bool                         // something was touched
	services map[string]*api.AgentService // by ID; not changed any more, as answers share them
	checks   map[string]*check            // by check ID
	last     map[string]uint64            // service name in lower case: index of its last change
	changed  chan struct{}                // closed by the next change
}

func newCatalog(root context.Context) *catalog {
	c := &catalog{root: root, changed: make(chan struct{})}
	c.reset()
	return c
}

// reset empties the catalogue, without waking anybody.
func (c *catalog) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, ck := range c.checks {
		c.stopCheck(ck)
	}
	c.index = 1
	c.services = make(map[string]*api.AgentService)
	c.checks = make(map[string]*check)
	c.last = make(map[string]uint64)
}

// close stops all checks and waits for them. Nothing can be changed after it.
func (c *catalog) close() {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.reset()
	c.probes.Wait()
}

// change calls f with the lock held, and makes all that it touches one change.
// The methods below that say so are called by an f.
func (c *catalog) change(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	err := f()
	if c.pending {
		c.pending = false
		c.index++
		close(c.changed)
		c.changed = make(chan struct{})
	}
	return err
}

// touch says that the named service changes. An f of change calls it.
func (c *catalog) touch(name string) {
	c.last[strings.ToLower(name)] = c.index + 1
	c.pending = true
}

// register adds or replaces a service. A check that is registered again keeps
// its status. Other checks of the service stay, unless replace is set.
func (c *catalog) register(r registration, replace bool) error {
	s, err := r.service()
	if err != nil {
		return err
	}
	checks, err := r.checks(s)
	if err != nil {
		return err
	}
	return c.change(func() error {
		s.CreateIndex, s.ModifyIndex = c.index+1, c.index+1
		if old := c.services[s.ID]; old != nil {
			s.CreateIndex, s.ModifyIndex = old.CreateIndex, old.ModifyIndex
			if !reflect.DeepEqual(s, old) {
				s.ModifyIndex = c.index + 1
				c.touch(old.Service)
			}
		}
		if s.ModifyIndex > c.index {
			c.touch(s.Service)
		}
		c.services[s.ID] = s
		given := make(map[string]bool)
		for _, ck := range checks {
			given[ck.CheckID] = true
			c.put(ck)
		}
		if replace {
			for _, ck := range c.checksOf(s.ID) {
				if !given[ck.CheckID] {
					c.removeCheck(ck)
				}
			}
		}
		return nil
	})
}

// deregister removes a service and its checks.
func (c *catalog) deregister(id string) error {
	return c.change(func() error {
		if c.services[id] == nil {
			return unknown("service", id)
		}
		c.remove(id)
		return nil
	})
}

// remove takes a service out. An f of change calls it.
func (c *catalog) remove(id string) {
	for _, ck := range c.checksOf(id) {
		c.removeCheck(ck)
	}
	c.touch(c.services[id].Service)
	delete(c.services, id)
}

// checksOf lists the checks of a service in the order of their IDs. The lock
// is held.
func (c *catalog) checksOf(serviceID string) []*check {
	var checks []*check
	for _, id := range slices.Sorted(maps.Keys(c.checks)) {
		if ck := c.checks[id]; ck.ServiceID == serviceID {
			checks = append(checks, ck)
		}
	}
	return checks
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
		if !strings.EqualFold(s.Service, name) || !hasTags(s, tags) {
			continue
		}
		e := entry{Node: thisNode, Service: s, Checks: []healthCheck{nodeCheck}}
		passing := true
		for _, ck := range c.checksOf(id) {
			shown := ck.healthCheck
			shown.ServiceName, shown.ServiceTags = s.Service, s.Tags
			e.Checks = append(e.Checks, shown)
			passing = passing && ck.Status == api.HealthPassing
		}
		if passing || !passingOnly {
			entries = append(entries, e)
		}
	}
	return entries, max(1, c.last[strings.ToLower(name)]), c.changed
}

// hasTags reports whether s has all tags, in any case of letters.
func hasTags(s *api.AgentService, tags []string) bool {
	for _, want := range tags {
		if !slices.ContainsFunc(s.Tags, func(tag string) bool { return strings.EqualFold(tag, want) }) {
			return false
		}
	}
	return true
}

// list returns all services by ID, for /v1/agent/services.
func (c *catalog) list() map[string]api.AgentService {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[string]api.AgentService)
	for id, s := range c.services {
		shown := *s
		shown.Datacenter = datacenter
		if shown.Meta == nil {
			shown.Meta = map[string]string{}
		}
		all[id] = shown
	}
	return all
}
