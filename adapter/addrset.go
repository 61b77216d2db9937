package adapter

import (
	"slices"

	"github.com/grpcnaming/grpcnaming/naming"
)

// addressSet is the set of addresses that naming updates are folded into. It
// keeps the order in which they were added, as RoundRobin takes turns in it. A
// change costs the same however many addresses there are, and so does a
// snapshot, but for a bit per address once one has been removed. The zero value is empty.
// It has no lock: its owner has one.
type addressSet struct {
	log    []Address        // in order of addition, the removed ones too; snapshots share it, so no entry is ever changed
	gone   bits             // which entries of log have been removed
	byAddr map[string]int32 // 1 + the newest entry with that Addr
	older  []int32          // for each entry, 1 + the next older one with its Addr; 0 for none
	n      int              // entries that have not been removed
}

// bits is a set of small numbers.
type bits []uint64

func (b bits) has(i int) bool { return i/64 < len(b) && b[i/64]&(1<<(i%64)) != 0 }

func (b *bits) set(i int) {
	for len(*b) <= i/64 {
		*b = append(*b, 0)
	}
	(*b)[i/64] |= 1 << (i % 64)
}

func (s *addressSet) len() int { return s.n }

// entry returns 1 + the entry equal to a, or 0.
func (s *addressSet) entry(a Address) int32 {
	at := s.byAddr[a.Addr]
	for at > 0 && !sameMetadata(s.log[at-1].Metadata, a.Metadata) {
		at = s.older[at-1]
	}
	return at
}

// has says whether a is in the set.
func (s *addressSet) has(a Address) bool { return s.entry(a) > 0 }

// add puts a into the set and says whether it was new.
func (s *addressSet) add(a Address) bool {
	if s.has(a) {
		return false
	}
	s.push(a)
	return true
}

// grow makes room for n more.
func (s *addressSet) grow(n int) {
	if s.byAddr == nil {
		s.byAddr = make(map[string]int32, n)
	}
	s.log = slices.Grow(s.log, n)
	s.older = slices.Grow(s.older, n)
}

func (s *addressSet) push(a Address) {
	if s.byAddr == nil {
		s.grow(1)
	}
	s.log = append(s.log, a)
	s.older = append(s.older, s.byAddr[a.Addr])
	s.byAddr[a.Addr] = int32(len(s.log))
	s.n++
}

// remove takes a out of the set and says whether it was there.
func (s *addressSet) remove(a Address) bool {
	at := s.entry(a)
	if at == 0 {
		return false
	}
	s.drop(at)
	return true
}

// removeAddr takes every address with that Addr out of the set, whatever its
// Metadata, and says whether there was one.
func (s *addressSet) removeAddr(addr string) bool {
	found := false
	for at := s.byAddr[addr]; at > 0; at = s.byAddr[addr] {
		s.drop(at)
		found = true
	}
	return found
}

// drop removes the entry at-1.
func (s *addressSet) drop(at int32) {
	addr, next := s.log[at-1].Addr, s.older[at-1]
	switch newer := s.byAddr[addr]; {
	case newer != at:
		for s.older[newer-1] != at {
			newer = s.older[newer-1]
		}
		s.older[newer-1] = next
	case next == 0:
		delete(s.byAddr, addr)
	default:
		s.byAddr[addr] = next
	}
	s.gone.set(int(at - 1))
	s.n--
	// Closing the gap at each removal would make n removals quadratic.
	if len(s.log) > 16 && s.n < len(s.log)/2 {
		var kept addressSet
		kept.grow(s.n)
		for _, a := range s.snapshot().list() {
			kept.push(a)
		}
		*s = kept
	}
}

// snapshot returns what is in the set now.
func (s *addressSet) snapshot() snapshot {
	// With its capacity cut, no append of another owner reaches the set's log.
	sn := snapshot{log: slices.Clip(s.log), n: s.n}
	if s.n < len(s.log) {
		sn.gone = slices.Clone(s.gone)
	}
	return sn
}

// list returns the addresses in order, in a slice of the caller's own.
func (s *addressSet) list() []Address { return slices.Clone(s.snapshot().list()) }

// snapshot is an addressSet as it was. It is never changed, hence needs no lock.
type snapshot struct {
	log  []Address
	gone bits
	n    int
}

// all goes through the addresses in order.
func (s snapshot) all(yield func(Address) bool) {
	for i := range s.log {
		if !s.gone.has(i) && !yield(s.log[i]) {
			return
		}
	}
}

// list returns the addresses in order. The slice may be others' too and is not
// to be changed.
func (s snapshot) list() []Address {
	if s.n == len(s.log) {
		return s.log
	}
	list := make([]Address, 0, s.n)
	for a := range s.all {
		list = append(list, a)
	}
	return list
}

// fold applies updates in order and says whether the set changed. An Add of a
// known address, a nil update and an operation that is neither Add nor Delete
// are logged and skipped, as in grpc-go v1.29.1 (balancer.go, where the nil
// panicked). A Delete that matches no Metadata removes every address with its
// Addr: resolvers that give Metadata on Add and none on Delete lost their
// deletes there.
func (s *addressSet) fold(updates []*naming.Update) (changed bool) {
	if s.byAddr == nil {
		s.grow(len(updates))
	}
	for _, u := range updates {
		if u == nil {
			logger.Warningf("the naming watcher returned a nil update: skipped")
			continue
		}
		a := Address{Addr: u.Addr, Metadata: u.Metadata}
		switch u.Op {
		case naming.Add:
			if s.add(a) {
				changed = true
			} else {
				logger.Infof("the naming watcher added %q, which is known: ignored", a.Addr)
			}
		case naming.Delete:
			if s.remove(a) || s.removeAddr(a.Addr) {
				changed = true
			}
		default:
			logger.Errorf("the naming watcher returned the unknown operation %d for %q: skipped", u.Op, u.Addr)
		}
	}
	return changed
}

// knows says whether one of the updates adds an address that is in the set.
func (s *addressSet) knows(updates []*naming.Update) bool {
	return slices.ContainsFunc(updates, func(u *naming.Update) bool {
		return u != nil && u.Op == naming.Add && s.has(Address{u.Addr, u.Metadata})
	})
}

// diff makes the set equal to list and returns the updates that do so: deletes
// first, in the set's order, then adds, in the list's.
func (s *addressSet) diff(list []Address) (updates []*naming.Update) {
	var wanted addressSet
	for _, a := range list {
		wanted.add(a)
	}
	for _, a := range s.snapshot().list() {
		if !wanted.has(a) {
			updates = append(updates, &naming.Update{Op: naming.Delete, Addr: a.Addr, Metadata: a.Metadata})
		}
	}
	for _, a := range wanted.snapshot().list() {
		if !s.has(a) {
			updates = append(updates, &naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
	}
	s.fold(updates)
	return updates
}
