package consultest

import (
	"fmt"
	"net/http"
)

// registerCheck adds or replaces a check of a service that is there.
func (c *catalog) registerCheck(d checkDefinition) error {
	id := d.ID
	if id == "" {
		id = d.CheckID
	}
	if id == "" {
		id = d.Name
	}
	switch {
	case d.Name == "":
		return invalid("Missing check name")
	case d.Status != "" && !validStatus(d.Status):
		return invalid("Bad check status")
	case d.ServiceID == "":
		return unsupported("a check without ServiceID, that is, of the node,")
	}
	ck, err := newCheck(&d, id, d.Name, d.ServiceID)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return errClosed
	}
	if c.services[d.ServiceID] == nil {
		return &httpError{http.StatusNotFound, fmt.Sprintf("ServiceID %q does not exist", d.ServiceID)}
	}
	c.put(ck)
	c.commit()
	return nil
}

func (c *catalog) deregisterCheck(id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ck := c.checks[id]
	if ck == nil {
		return unknownCheck(id)
	}
	c.removeCheck(ck)
	c.commit()
	return nil
}

// update sets a TTL check.
func (c *catalog) update(id, status, output string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	ck := c.checks[id]
	switch {
	case ck == nil:
		return unknownCheck(id)
	case ck.ttl <= 0:
		return fmt.Errorf("CheckID %q does not have associated TTL", id)
	}
	ck.lastOutput = output
	c.setStatus(ck, status, output)
	c.renew(ck)
	c.commit()
	return nil
}

// setHealth sets all checks of a service, and makes one when there is none.
func (c *catalog) setHealth(serviceID, status string) error {
	if !validStatus(status) {
		return invalid("Invalid check status: '%s'", status)
	}
	const output = "set by the test"
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.services[serviceID]
	if s == nil {
		return unknownService(serviceID)
	}
	checks := c.checksOf(serviceID)
	if len(checks) == 0 {
		name := fmt.Sprintf("Service '%s' check", s.name)
		c.put(&check{checkInfo: checkInfo{id: "service:" + s.id, name: name, serviceID: s.id, status: status, output: output}})
	}
	for _, ck := range checks {
		c.setStatus(ck, status, output)
		c.renew(ck)
	}
	c.commit()
	return nil
}

// put enters a check and starts it. One that has the same ID is replaced and
// hands on its status; if it was another service's, that one is not woken, nor
// is it by Consul 1.22. The lock is held, and the caller commits.
func (c *catalog) put(ck *check) {
	ck.create, ck.modify = c.index+1, c.index+1
	changed := true
	if old := c.checks[ck.id]; old != nil {
		c.stopCheck(old)
		ck.status, ck.output, ck.create = old.status, old.output, old.create
		if changed = ck.checkInfo != old.checkInfo; !changed {
			ck.modify = old.modify
		}
	}
	if changed {
		c.touch(c.services[ck.serviceID].name)
	}
	c.checks[ck.id] = ck
	c.startCheck(ck)
}

// removeCheck takes a check out. The lock is held, and the caller commits.
func (c *catalog) removeCheck(ck *check) {
	c.stopCheck(ck)
	delete(c.checks, ck.id)
	c.touch(c.services[ck.serviceID].name)
}

func unknownCheck(id string) error {
	return &httpError{http.StatusNotFound, fmt.Sprintf("Unknown check ID %q. Ensure that the check ID is passed, not the check name.", id)}
}
