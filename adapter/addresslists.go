package adapter

import (
	"sync"
	"weak"

	"google.golang.org/grpc/resolver"
)

// addressList is what a State has of addresses. It is never changed.
type addressList struct {
	v1 []Address
	// dialled is one resolver address per v1 address, in the same order: on the
	// way to the policy grpc may replace each by the address of a proxy, which
	// keeps nothing but the order.
	dialled []resolver.Address
}

// addressLists are those that are in use. Legacy code has a ClientConn, and a
// RoundRobin, for every Dial: when one of a thousand addresses changes for three
// hundred of them, equal lists of their own would be 30 MB, and the making of
// those most of what the change costs.
var addressLists = listPool{made: make(map[listKey]weak.Pointer[addressList])}

// listPool keeps lists for as long as somebody else does.
type listPool struct {
	mu   sync.Mutex // guards what follows; held while a list is made, as the next to come wants it too
	made map[listKey]weak.Pointer[addressList]
}

// listKey is what is soon said of a list. Of several with the same key the pool
// has the newest.
type listKey struct {
	n           int
	first, last string
}

// get returns the list of sn.
func (p *listPool) get(sn snapshot) *addressList {
	key := listKey{n: sn.n}
	for i := 0; i < len(sn.log) && key.n > 0; i++ {
		if !sn.gone.has(i) {
			key.first = sn.log[i].Addr
			break
		}
	}
	for i := len(sn.log) - 1; i >= 0 && key.n > 0; i-- {
		if !sn.gone.has(i) {
			key.last = sn.log[i].Addr
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if l := p.made[key].Value(); l != nil && l.is(sn) {
		return l
	}
	l := &addressList{v1: sn.list(), dialled: make([]resolver.Address, 0, sn.n)}
	for _, a := range l.v1 {
		l.dialled = append(l.dialled, resolver.Address{Addr: a.Addr})
	}
	for key, old := range p.made {
		if old.Value() == nil {
			delete(p.made, key)
		}
	}
	p.made[key] = weak.Make(l)
	return l
}

// is says whether l cannot be told from the list of sn.
func (l *addressList) is(sn snapshot) bool {
	if len(l.v1) != sn.n {
		return false
	}
	i := 0
	for a := range sn.all {
		if b := &l.v1[i]; a.Addr != b.Addr || !equalOperands(a.Metadata, b.Metadata) || a.Metadata != b.Metadata {
			return false
		}
		i++
	}
	return true
}
