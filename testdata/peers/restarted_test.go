package peers

import (
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// restarted is a service at an agent that is killed and comes back without it.
type restarted struct {
	table   *table
	service string
	stops   bool // the instance that is not registered anew has stopped

	stay          []*backend.Backend
	gone, instead *backend.Backend
	index         uint64
	callers       []*caller
	back          time.Time // when the instances are there again
}

// before registers the instances and has all clients use them.
func (r *restarted) before(t *testing.T, consul *api.Client, address string) {
	t.Helper()
	all := backends(t, 4)
	r.stay, r.gone, r.instead = all[:2], all[2], all[3]
	for _, b := range all[:3] {
		register(t, consul, r.service, b)
	}
	r.index = index(t, consul, r.service)
	r.callers = start(t, append([]Client{Keeping}, Clients...), address, r.service)
	for _, c := range r.callers {
		c.begins(t, uses(all[0].Addr(), all[1].Addr(), all[2].Addr()))
	}
}

// after registers them anew.
func (r *restarted) after(t *testing.T, consul *api.Client) {
	t.Helper()
	for _, b := range append(r.stay, r.instead) {
		register(t, consul, r.service, b)
	}
	r.back = time.Now()
	if now := index(t, consul, r.service); now >= r.index {
		t.Fatalf("the index is %d after %d, want a lower one", now, r.index)
	}
}

// measure fills the table: what failed since Consul died, and how long the current set
// took.
func (r *restarted) measure(t *testing.T, dies time.Time) {
	t.Helper()
	for _, c := range r.callers {
		took := never
		if c.recovers(t, r.back, uses(r.stay[0].Addr(), r.stay[1].Addr(), r.instead.Addr())) {
			took = c.current(r.back, r.instead.Addr(), r.gone.Addr())
		}
		r.table.count(c, rpcsFailed.name, len(failed(c.since(dies))))
		r.table.seconds(c, "current set after", took)
		r.table.crash(t, c)
		c.end()
	}
	r.table.complete(t)
}
