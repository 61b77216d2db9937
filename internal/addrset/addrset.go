// Package addrset has the ordered set of addresses that naming updates are
// folded into, and which Metadata are the same.
package addrset

import (
	"slices"

	"github.com/grpcnaming/grpcnaming/internal/contain"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Address is what a naming.Update says of a server.
type Address struct {
	Addr     string
	Metadata interface{}
}

// Set is a set of addresses that keeps the order in which they were added, as
// RoundRobin takes turns in it. Two addresses are the same if Addr is, and
// Metadata has the same content. The zero value is empty. It has no lock: its
// owner has one.
type Set struct {
	entries []*entry          // in order of addition; removed ones stay until more than half are removed
	byAddr  map[string]*entry // the newest of each Addr that is not removed
	n       int               // how many those are
}

type entry struct {
	Address
	removed bool
	older   *entry // with the same Addr
}

// Len is the number of addresses.
func (s *Set) Len() int { return s.n }

func (s *Set) find(a Address) *entry {
	e := s.byAddr[a.Addr]
	for e != nil && !Same(e.Metadata, a.Metadata) {
		e = e.older
	}
	return e
}

// Has says whether a is in the set.
func (s *Set) Has(a Address) bool { return s.find(a) != nil }

// Add puts a into the set and says whether it was new.
func (s *Set) Add(a Address) bool {
	if s.Has(a) {
		return false
	}
	if s.byAddr == nil {
		s.byAddr = make(map[string]*entry)
	}
	e := &entry{Address: a, older: s.byAddr[a.Addr]}
	s.byAddr[a.Addr] = e
	s.entries = append(s.entries, e)
	s.n++
	return true
}

// Remove takes a out of the set and says whether it was there.
func (s *Set) Remove(a Address) bool {
	e := s.find(a)
	if e == nil {
		return false
	}
	s.drop(e)
	return true
}

// removeAddr takes every address with that Addr out of the set, whatever its
// Metadata, and says whether there was one.
func (s *Set) removeAddr(addr string) bool {
	e := s.byAddr[addr]
	if e == nil {
		return false
	}
	for ; e != nil; e = s.byAddr[addr] {
		s.drop(e)
	}
	return true
}

func (s *Set) drop(e *entry) {
	newest := s.byAddr[e.Addr]
	switch {
	case newest != e:
		for newest.older != e {
			newest = newest.older
		}
		newest.older = e.older
	case e.older != nil:
		s.byAddr[e.Addr] = e.older
	default:
		delete(s.byAddr, e.Addr)
	}
	e.removed = true
	if s.n--; s.n < len(s.entries)/2 { // and not at each removal, as n of them would be quadratic
		s.entries = slices.DeleteFunc(s.entries, func(e *entry) bool { return e.removed })
	}
}

// List returns the addresses of s in order, in a new slice of the type that the
// caller has for them.
func List[A ~struct {
	Addr     string
	Metadata interface{}
}](s *Set) []A {
	list := make([]A, 0, s.n)
	for _, e := range s.entries {
		if !e.removed {
			list = append(list, A(e.Address))
		}
	}
	return list
}

// Clone returns a set of the same addresses that has nothing in common with s.
func (s *Set) Clone() (c Set) {
	for _, a := range List[Address](s) {
		c.Add(a)
	}
	return c
}

// Fold applies updates in order and says whether the set changed. An Add of a
// known address, a nil update and an operation that is neither Add nor Delete
// are logged and skipped, as in grpc-go v1.29.1 (balancer.go, where the nil
// panicked). A Delete that matches no Metadata removes every address with its
// Addr: resolvers that give Metadata on Add and none on Delete lost their
// deletes there.
func (s *Set) Fold(updates []*naming.Update) (changed bool) {
	for _, u := range updates {
		if u == nil {
			contain.Logger.Warningf("the naming watcher returned a nil update: skipped")
			continue
		}
		a := Address{Addr: u.Addr, Metadata: u.Metadata}
		switch u.Op {
		case naming.Add:
			if s.Add(a) {
				changed = true
			} else {
				contain.Logger.Infof("the naming watcher added %q, which is known: ignored", a.Addr)
			}
		case naming.Delete:
			if s.Remove(a) || s.removeAddr(a.Addr) {
				changed = true
			}
		default:
			contain.Logger.Errorf("the naming watcher returned the unknown operation %d for %q: skipped", u.Op, u.Addr)
		}
	}
	return changed
}

// Knows says whether one of the updates adds an address that is in the set.
func (s *Set) Knows(updates []*naming.Update) bool {
	return slices.ContainsFunc(updates, func(u *naming.Update) bool {
		return u != nil && u.Op == naming.Add && s.Has(Address{u.Addr, u.Metadata})
	})
}

// Become makes the set equal to list and returns the updates that do so:
// deletes first, in the order of the set, then adds, in the order of the list.
func (s *Set) Become(list []Address) (updates []*naming.Update) {
	var wanted Set
	for _, a := range list {
		wanted.Add(a)
	}
	for _, a := range List[Address](s) {
		if !wanted.Has(a) {
			updates = append(updates, &naming.Update{Op: naming.Delete, Addr: a.Addr, Metadata: a.Metadata})
		}
	}
	for _, a := range List[Address](&wanted) {
		if !s.Has(a) {
			updates = append(updates, &naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
	}
	s.Fold(updates)
	return updates
}
