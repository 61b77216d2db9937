package consultest

import (
	"context"
	"time"
)

// A check is one check of one service. The catalogue's lock guards it.
type check struct {
	checkInfo
	create, modify uint64

	target       string        // of a gRPC check: host:port, or host:port/service
	ttl          time.Duration // of a TTL check
	reapAfter    time.Duration // DeregisterCriticalServiceAfter
	lastOutput   string        // what a TTL check was last told
	expiry, reap *time.Timer
	stopProbe    context.CancelFunc
}

// checkInfo is what clients see of a check; a difference moves the index.
type checkInfo struct {
	id, name, notes, kind, serviceID string
	status, output                   string
	interval, timeout                time.Duration
}

func validStatus(status string) bool {
	return status == "passing" || status == "warning" || status == "critical"
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
	ck := &check{
		checkInfo: checkInfo{id: id, name: name, notes: d.Notes, kind: "ttl", serviceID: serviceID, status: d.Status,
			interval: time.Duration(d.Interval), timeout: time.Duration(d.Timeout)},
		target:    d.GRPC,
		ttl:       time.Duration(d.TTL),
		reapAfter: time.Duration(d.DeregisterCriticalServiceAfter),
	}
	if ck.status == "" {
		ck.status = "critical" // until it is known to be otherwise
	}
	if d.GRPC != "" {
		ck.kind = "grpc"
	}
	return ck, nil
}

// startCheck starts what a check does by itself. The lock is held.
func (c *catalog) startCheck(ck *check) {
	c.renew(ck)
	c.watchCritical(ck)
	if ck.target != "" {
		ctx, cancel := context.WithCancel(c.root)
		ck.stopProbe = cancel
		c.probes.Go(func() { c.probe(ctx, ck) })
	}
}

// stopCheck ends it for good. What is under way finds ck no longer in the
// catalogue. The lock is held.
func (c *catalog) stopCheck(ck *check) {
	for _, timer := range []*time.Timer{ck.expiry, ck.reap} {
		if timer != nil {
			timer.Stop()
		}
	}
	if ck.stopProbe != nil {
		ck.stopProbe()
	}
}

// renew starts the time of a TTL check anew. The lock is held.
func (c *catalog) renew(ck *check) {
	if ck.ttl <= 0 {
		return
	}
	if ck.expiry != nil {
		ck.expiry.Stop()
	}
	var timer *time.Timer
	timer = time.AfterFunc(ck.ttl, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		// A timer that was stopped too late is no longer the check's.
		if c.checks[ck.id] != ck || ck.expiry != timer {
			return
		}
		output := "TTL expired"
		if ck.lastOutput != "" {
			output += " (last output before timeout follows): " + ck.lastOutput
		}
		c.setStatus(ck, "critical", output)
		c.commit()
	})
	ck.expiry = timer
}

// watchCritical deregisters the service when the check stays critical for too
// long. It is called when the status has changed; the lock is held.
func (c *catalog) watchCritical(ck *check) {
	if ck.reap != nil {
		ck.reap.Stop()
		ck.reap = nil
	}
	if ck.reapAfter <= 0 || ck.status != "critical" {
		return
	}
	var timer *time.Timer
	timer = time.AfterFunc(ck.reapAfter, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.checks[ck.id] != ck || ck.reap != timer {
			return
		}
		c.remove(c.services[ck.serviceID])
		c.commit()
	})
	ck.reap = timer
}

// setStatus records a result. The lock is held, and the caller commits.
func (c *catalog) setStatus(ck *check, status, output string) {
	changed := ck.status != status
	if !changed && ck.output == output {
		return
	}
	ck.status, ck.output = status, output
	ck.modify = c.index + 1
	c.touch(c.services[ck.serviceID].name)
	if changed {
		c.watchCritical(ck)
	}
}
