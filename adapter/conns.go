package adapter

import (
	"slices"
	"sync"
	"sync/atomic"
)

// conns are the addresses of the newest State, each once, and their conns in the
// same order. Only the policy changes them. Pickers have a copy, made when the
// first of them asks after a change: three hundred ClientConns that are told of a
// change of one in a thousand addresses need not copy a thousand each, unless they
// have RPCs too. The zero value is empty.
type conns struct {
	mu   sync.Mutex // held to change what follows, and by pickers to read it
	of   *addressList
	list []*conn

	copy atomic.Pointer[connsCopy] // nil after a change
}

// connsCopy is never changed; the conns' states are.
type connsCopy struct {
	list   []*conn
	routes func() routes // from the addresses to the conns; made when a picker first asks
}

// replace puts others in the place of the conns from i to j.
func (c *conns) replace(of *addressList, i, j int, others []*conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of, c.list = of, slices.Replace(c.list, i, j, others...)
	c.copy.Store(nil)
}

// now returns the newest conns to a picker, which may be that of an older State:
// what has been added since is as good for it, and what has been removed is not.
func (c *conns) now() *connsCopy {
	if known := c.copy.Load(); known != nil {
		return known
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if known := c.copy.Load(); known != nil {
		return known
	}
	of, list := c.of, slices.Clone(c.list)
	fresh := &connsCopy{list: list}
	fresh.routes = sync.OnceValue(func() routes {
		r := make(routes, len(list))
		for i, to := range list {
			a := of.v1[i]
			r[a.Addr] = append(r[a.Addr], route{a.Metadata, to})
		}
		return r
	})
	c.copy.Store(fresh)
	return fresh
}
