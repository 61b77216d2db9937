package adapter

import (
	"sync"
	"sync/atomic"
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

	// The newest answer of since, as three hundred ClientConns ask the same.
	last atomic.Pointer[difference]
}

// difference is what a list has in common with the one before it.
type difference struct {
	from       weak.Pointer[addressList]
	head, tail int  // so many addresses are the same, and are dialled the same, at either end
	renamed    bool // the Metadata of one of those can be told from what it was
}

// since compares l with the list before it, which may be nil.
func (l *addressList) since(former *addressList) difference {
	if former == nil {
		return difference{}
	}
	from := weak.Make(former)
	if known := l.last.Load(); known != nil && known.from == from {
		return *known
	}
	found := difference{from: from}
	same := func(i, j int) bool {
		a, b := l.v1[i], former.v1[j]
		if !a.same(b) || !l.dialled[i].Equal(former.dialled[j]) {
			return false
		}
		found.renamed = found.renamed || !identical(a.Metadata, b.Metadata)
		return true
	}
	n, m := len(l.v1), len(former.v1)
	for ; found.head < min(n, m) && same(found.head, found.head); found.head++ {
	}
	for ; n > found.head && m > found.head && same(n-1, m-1); n, m = n-1, m-1 {
	}
	found.tail = len(l.v1) - n
	l.last.Store(&found)
	return found
}

// with returns l with the addresses of conns in the place of those from i to j.
func (l *addressList) with(i, j int, conns []*conn) *addressList {
	other := &addressList{
		v1:      append(make([]Address, 0, len(l.v1)), l.v1[:i]...),
		dialled: append(make([]resolver.Address, 0, len(l.v1)), l.dialled[:i]...),
	}
	for _, c := range conns {
		other.v1, other.dialled = append(other.v1, c.v1), append(other.dialled, c.address)
	}
	other.v1, other.dialled = append(other.v1, l.v1[j:]...), append(other.dialled, l.dialled[j:]...)
	return other
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
