package consultest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A catalog holds the services and checks of the one agent that there is.
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
	pending  bool                // a change that commit makes visible
	services map[string]*service // by ID
	checks   map[string]*check   // by check ID
	last     map[string]uint64   // service name in lower case: index of its last change
	changed  chan struct{}       // closed by commit
}

func newCatalog(root context.Context) *catalog {
	c := &catalog{root: root, changed: make(chan struct{})}
	c.clear()
	return c
}

// clear empties the catalogue. The lock is held.
func (c *catalog) clear() {
	for _, ck := range c.checks {
		c.stopCheck(ck)
	}
	c.index = 1
	c.services = make(map[string]*service)
	c.checks = make(map[string]*check)
	c.last = make(map[string]uint64)
}

func (c *catalog) reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.clear()
}

// close stops all checks and waits for them.
func (c *catalog) close() {
	c.mu.Lock()
	c.closed = true
	c.clear()
	c.mu.Unlock()
	c.probes.Wait()
}

// touch notes that the named service changes with the next commit. The lock
// is held.
func (c *catalog) touch(name string) {
	c.last[strings.ToLower(name)] = c.index + 1
	c.pending = true
}

// commit makes what was touched one change. The lock is held.
func (c *catalog) commit() {
	if !c.pending {
		return
	}
	c.pending = false
	c.index++
	close(c.changed)
	c.changed = make(chan struct{})
}

// register adds or replaces a service. A check that is registered again keeps
// its status. Other checks of the service stay, unless replace is set.
func (c *catalog) register(r registration, replace bool) error {
	s, err := newService(r)
	if err != nil {
		return err
	}
	checks, err := checksOf(r, s)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	s.create, s.modify = c.index+1, c.index+1
	if old := c.services[s.id]; old != nil {
		s.create = old.create
		if s.same(old) {
			s.modify = old.modify
		} else {
			c.touch(old.name)
			c.touch(s.name)
		}
	} else {
		c.touch(s.name)
	}
	c.services[s.id] = s
	given := make(map[string]bool)
	for _, ck := range checks {
		given[ck.id] = true
		c.put(ck)
	}
	if replace {
		for _, ck := range c.checksOf(s.id) {
			if !given[ck.id] {
				c.removeCheck(ck)
			}
		}
	}
	c.commit()
	return nil
}

// checksOf makes the checks of a registration, with the IDs that Consul gives
// them: service:ID for the only one, service:ID:1 and so on for several.
func checksOf(r registration, s *service) ([]*check, error) {
	var checks []*check
	definitions := slices.DeleteFunc(slices.Clone(r.Checks), func(d *checkDefinition) bool { return d == nil })
	if r.Check != nil && *r.Check != (checkDefinition{}) {
		definitions = slices.Insert(definitions, 0, r.Check)
	}
	for i, d := range definitions {
		if d.ID != "" || d.ServiceID != "" {
			return nil, unsupported("ID or ServiceID of a check within a service registration")
		}
		if d.Status != "" && !validStatus(d.Status) {
			return nil, invalid("Status for checks must 'passing', 'warning', 'critical'")
		}
		id, name := d.CheckID, d.Name
		if id == "" {
			id = "service:" + s.id
			if len(definitions) > 1 {
				id += fmt.Sprintf(":%d", i+1)
			}
		}
		if name == "" {
			name = fmt.Sprintf("Service '%s' check", s.name)
		}
		ck, err := newCheck(d, id, name, s.id)
		if err != nil {
			return nil, err
		}
		checks = append(checks, ck)
	}
	return checks, nil
}

// deregister removes a service and its checks.
func (c *catalog) deregister(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.services[id]
	if s == nil {
		return unknownService(id)
	}
	c.remove(s)
	c.commit()
	return nil
}

// remove takes a service out. The lock is held, and the caller commits.
func (c *catalog) remove(s *service) {
	for _, ck := range c.checksOf(s.id) {
		c.removeCheck(ck)
	}
	delete(c.services, s.id)
	c.touch(s.name)
}

// checksOf lists the checks of a service in the order of their IDs. The lock
// is held.
func (c *catalog) checksOf(serviceID string) []*check {
	var checks []*check
	for _, id := range slices.Sorted(maps.Keys(c.checks)) {
		if ck := c.checks[id]; ck.serviceID == serviceID {
			checks = append(checks, ck)
		}
	}
	return checks
}

func unknownService(id string) error {
	return &httpError{http.StatusNotFound, fmt.Sprintf("Unknown service ID %q. Ensure that the service ID is passed, not the service name.", id)}
}
