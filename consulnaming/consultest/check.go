package consultest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"reflect"
	"time"

	"github.com/hashicorp/consul/api"
)

// A check is one check of one service. The catalogue's lock guards it.
type check struct {
	healthCheck

	target            string // of a gRPC check: host:port, or host:port/service
	interval, timeout time.Duration
	ttl               time.Duration // of a TTL check
	reapAfter         time.Duration // DeregisterCriticalServiceAfter
	lastOutput        string        // what a TTL check was last told
	expiry, reap      *time.Timer
	stopProbe         context.CancelFunc
}

// healthCheck is what clients see of a check.
type healthCheck struct {
	api.HealthCheck
	Interval, Timeout string
}

func validStatus(status string) bool {
	return status == api.HealthPassing || status == api.HealthWarning || status == api.HealthCritical
}

// newCheck checks a definition. The service may not be known yet.
func newCheck(d *checkDefinition, id, name, serviceID string) (*check, error) {
	switch {
	case d.Interval > 0 && d.TTL > 0:
		return nil, invalid("Invalid check: Interval and TTL cannot both be specified")
	case d.GRPC != "" && d.Interval <= 0:
		return nil, invalid("Invalid check: Interval must be > 0 for a gRPC check")
	case d.GRPC == "" && d.TTL <= 0:
		return nil, invalid("Invalid check: TTL must be > 0 for TTL checks")
	}
	ck := &check{target: d.GRPC, interval: time.Duration(d.Interval), timeout: 10 * time.Second,
		ttl: time.Duration(d.TTL), reapAfter: time.Duration(d.DeregisterCriticalServiceAfter)}
	ck.HealthCheck = api.HealthCheck{Node: nodeName, CheckID: id, Name: name, Notes: d.Notes, Type: "ttl",
		ServiceID: serviceID, Status: d.Status}
	ck.Interval, ck.Timeout = d.Interval.text(), d.Timeout.text()
	if ck.Status == "" {
		ck.Status = api.HealthCritical // until it is known to be otherwise
	}
	if d.GRPC != "" {
		ck.Type = "grpc"
	}
	if d.Timeout > 0 {
		ck.timeout = time.Duration(d.Timeout)
	}
	return ck, nil
}

// registerCheck adds or replaces a check of a service that is there.
func (c *catalog) registerCheck(d checkDefinition) error {
	switch {
	case d.Name == "":
		return invalid("Missing check name")
	case d.Status != "" && !validStatus(d.Status):
		return invalid("Bad check status")
	case d.ServiceID == "":
		return unsupported("a check without ServiceID, that is, of the node,")
	}
	ck, err := newCheck(&d, cmp.Or(d.ID, d.CheckID, d.Name), d.Name, d.ServiceID)
	if err != nil {
		return err
	}
	return c.change(func() error {
		if c.services[d.ServiceID] == nil {
			return &httpError{http.StatusNotFound, fmt.Sprintf("ServiceID %q does not exist", d.ServiceID)}
		}
		c.put(ck)
		return nil
	})
}

func (c *catalog) deregisterCheck(id string) error {
	return c.change(func() error {
		ck := c.checks[id]
		if ck == nil {
			return unknown("check", id)
		}
		c.removeCheck(ck)
		return nil
	})
}

// update sets a TTL check.
func (c *catalog) update(id, status, output string) error {
	return c.change(func() error {
		ck := c.checks[id]
		switch {
		case ck == nil:
			return unknown("check", id)
		case ck.ttl <= 0:
			return fmt.Errorf("CheckID %q does not have associated TTL", id)
		}
		ck.lastOutput = output
		c.setStatus(ck, status, output)
		c.renew(ck)
		return nil
	})
}

// setHealth sets all checks of a service, and makes one when there is none.
func (c *catalog) setHealth(serviceID, status string) error {
	if !validStatus(status) {
		return invalid("Invalid check status: '%s'", status)
	}
	return c.change(func() error {
		s := c.services[serviceID]
		if s == nil {
			return unknown("service", serviceID)
		}
		checks := c.checksOf(serviceID)
		if len(checks) == 0 {
			ck := &check{}
			ck.HealthCheck = api.HealthCheck{Node: nodeName, CheckID: "service:" + s.ID, Name: checkName(s), ServiceID: s.ID}
			c.put(ck)
			checks = append(checks, ck)
		}
		for _, ck := range checks {
			c.setStatus(ck, status, "set by the test")
			c.renew(ck)
		}
		return nil
	})
}

// put enters a check and starts it. One that has the same ID is replaced and
// hands on its status. If that was another service's, the other service is not
// woken, as in Consul 1.22. An f of change calls it.
func (c *catalog) put(ck *check) {
	ck.CreateIndex, ck.ModifyIndex = c.index+1, c.index+1
	if old := c.checks[ck.CheckID]; old != nil {
		c.stopCheck(old)
		ck.Status, ck.Output, ck.CreateIndex, ck.ModifyIndex = old.Status, old.Output, old.CreateIndex, old.ModifyIndex
		if !reflect.DeepEqual(ck.healthCheck, old.healthCheck) {
			ck.ModifyIndex = c.index + 1
		}
	}
	if ck.ModifyIndex > c.index {
		c.touch(c.services[ck.ServiceID].Service)
	}
	c.checks[ck.CheckID] = ck
	c.renew(ck)
	c.watchCritical(ck)
	if ck.target != "" {
		ctx, cancel := context.WithCancel(c.root)
		ck.stopProbe = cancel
		c.probes.Go(func() { c.probe(ctx, ck) })
	}
}

// removeCheck takes a check out. An f of change calls it.
func (c *catalog) removeCheck(ck *check) {
	c.stopCheck(ck)
	delete(c.checks, ck.CheckID)
	c.touch(c.services[ck.ServiceID].Service)
}

// setStatus records a result. An f of change calls it.
func (c *catalog) setStatus(ck *check, status, output string) {
	changed := ck.Status != status
	if !changed && ck.Output == output {
		return
	}
	ck.Status, ck.Output, ck.ModifyIndex = status, output, c.index+1
	c.touch(c.services[ck.ServiceID].Service)
	if changed {
		c.watchCritical(ck)
	}
}

// stopCheck ends what a check does by itself. The lock is held.
func (c *catalog) stopCheck(ck *check) {
	c.after(ck, &ck.expiry, 0, nil)
	c.after(ck, &ck.reap, 0, nil)
	if ck.stopProbe != nil {
		ck.stopProbe()
	}
}

// renew starts the time of a TTL check anew. The lock is held.
func (c *catalog) renew(ck *check) {
	c.after(ck, &ck.expiry, ck.ttl, func() {
		output := "TTL expired"
		if ck.lastOutput != "" {
			output += " (last output before timeout follows): " + ck.lastOutput
		}
		c.setStatus(ck, api.HealthCritical, output)
	})
}

// watchCritical deregisters the service when the check stays critical for too
// long. It is called when the status has changed; the lock is held.
func (c *catalog) watchCritical(ck *check) {
	d := ck.reapAfter
	if ck.Status != api.HealthCritical {
		d = 0
	}
	c.after(ck, &ck.reap, d, func() { c.remove(ck.ServiceID) })
}

// after sets *timer to change the catalogue by f in d, or to nothing if d is not
// positive. f is not called once the check is gone or the timer set anew. The lock
// is held.
func (c *catalog) after(ck *check, timer **time.Timer, d time.Duration, f func()) {
	if *timer != nil {
		(*timer).Stop()
		*timer = nil
	}
	if d <= 0 {
		return
	}
	var own *time.Timer
	own = time.AfterFunc(d, func() {
		_ = c.change(func() error {
			if c.checks[ck.CheckID] == ck && *timer == own { // it may have been stopped too late
				f()
			}
			return nil
		})
	})
	*timer = own
}
