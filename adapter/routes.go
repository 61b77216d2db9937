package adapter

import "slices"

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
