package adapter

// The connections of the policy, and the index of them by address. The policy changes
// them, pickers read: routes.mu guards the index, and a conn's state is atomic.

import (
	"slices"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
)

// conn is one address with its SubConn. Pickers read what is atomic in it, and
// subConn.
type conn struct {
	v1      Address          // as the Balancer named it last
	address resolver.Address // v1.Addr, or the proxy on the way to it
	subConn balancer.SubConn
	round   uint64 // of the newest State that names it
	state   atomic.Uint32
	err     atomic.Pointer[error] // why it is in TransientFailure
}

func (c *conn) is(s connectivity.State) bool { return connectivity.State(c.state.Load()) == s }

// routes lead from addresses to conns: by Addr, then by Metadata. The policy adds
// and removes; pickers find, at the same time.
type routes struct {
	mu     sync.RWMutex
	byAddr map[string][]route
}

type route struct {
	metadata interface{}
	*conn
}

// find returns the conn of a, or nil.
func (r *routes) find(a Address) *conn {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for _, to := range r.byAddr[a.Addr] {
		if addrset.Same(to.metadata, a.Metadata) {
			return to.conn
		}
	}
	return nil
}

func (r *routes) add(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byAddr[c.v1.Addr] = append(r.byAddr[c.v1.Addr], route{c.v1.Metadata, c})
}

func (r *routes) remove(c *conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byAddr[c.v1.Addr] = slices.DeleteFunc(r.byAddr[c.v1.Addr], func(to route) bool { return to.conn == c })
	if len(r.byAddr[c.v1.Addr]) == 0 {
		delete(r.byAddr, c.v1.Addr)
	}
}
