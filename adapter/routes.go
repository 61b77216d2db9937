package adapter

import (
	"slices"
	"sync"

	"google.golang.org/grpc/resolver"
)

// conns is what one State has: its addresses, each once, and their conns, in the
// same order. It is never changed; the conns' states are.
type conns struct {
	addresses []Address
	dialled   []resolver.Address
	list      []*conn
	routes    func() routes // from the addresses to the conns; made when a picker first asks
}

// newConns takes addresses with repetitions and such as have no conn.
func newConns(list []*conn, addresses []Address, dialled []resolver.Address) *conns {
	if len(list) != len(addresses) {
		addresses, dialled = make([]Address, len(list)), make([]resolver.Address, len(list))
		for i, c := range list {
			addresses[i], dialled[i] = c.v1, c.address
		}
	}
	c := &conns{addresses: addresses, dialled: dialled, list: list}
	c.routes = sync.OnceValue(func() routes {
		r := make(routes, len(list))
		for i, a := range addresses {
			r[a.Addr] = append(r[a.Addr], route{a.Metadata, list[i]})
		}
		return r
	})
	return c
}

// routes leads from addresses to conns: by Addr, then by Metadata.
type routes map[string][]route

type route struct {
	metadata interface{}
	*conn
}

// find returns the conn of a, or nil.
func (r routes) find(a Address) *conn {
	for _, to := range r[a.Addr] {
		if sameMetadata(to.metadata, a.Metadata) {
			return to.conn
		}
	}
	return nil
}

func (r routes) add(c *conn) {
	r[c.v1.Addr] = append(r[c.v1.Addr], route{c.v1.Metadata, c})
}

func (r routes) remove(c *conn) {
	kept := slices.DeleteFunc(r[c.v1.Addr], func(to route) bool { return to.conn == c })
	if len(kept) == 0 {
		delete(r, c.v1.Addr)
	} else {
		r[c.v1.Addr] = kept
	}
}
