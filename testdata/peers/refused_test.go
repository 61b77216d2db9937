package peers

import (
	"testing"
	"time"
)

// An agent refuses every query for a while; meanwhile an instance joins.
func TestTooManyRequests(t *testing.T) {
	t.Parallel()
	const service = "refused"
	a, all := agent(t), backends(t, 3)
	for _, b := range all[:2] {
		register(t, a.Client(), service, b)
	}
	doors := make(map[*caller]*door) // each has its own, which counts
	before := make(map[*caller]int)
	var callers []*caller
	for _, client := range Clients {
		for range samples() {
			d := newDoor(t, a.Address())
			c := startOne(t, client, spec{Client: client.Name, Consul: d.address(), Service: service})
			callers, doors[c] = append(callers, c), d
		}
	}
	for _, c := range callers {
		c.begins(t, uses(all[0].Addr(), all[1].Addr()))
	}
	began := time.Now()
	for c, d := range doors {
		before[c] = d.count()
		d.set(true)
	}
	time.Sleep(span(500*time.Millisecond, 5*time.Second)) // for so long it refuses
	for c, d := range doors {
		refused.count(c, "queries sent", d.count()-before[c])
	}
	register(t, a.Client(), service, all[2])
	ended := time.Now()
	for _, d := range doors {
		d.set(false)
	}
	for _, c := range callers {
		took := never
		if c.recovers(t, ended, uses(all[0].Addr(), all[1].Addr(), all[2].Addr())) {
			took = c.current(ended, all[2].Addr(), "")
		}
		refused.count(c, rpcsFailed.name, len(failed(c.since(began))))
		refused.seconds(c, "the instance that joined is called after", took)
		refused.crash(t, c)
		c.end()
	}
	refused.complete(t)
}
