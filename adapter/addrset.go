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
	log   []Address // in order of addition, the removed ones too; snapshots share it, so no entry is ever changed
	gone  bits      // which entries of log have been removed
	index addrIndex // of those that have not
	n     int       // how many those are
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

// entry returns 1 + the entry equal to a, whose Addr has that hash, or 0.
func (s *addressSet) entry(hash uint32, a Address) int32 {
	for at := s.index.first(hash); at > 0; at = s.index.next(at) {
		if b := &s.log[at-1]; b.Addr == a.Addr && sameMetadata(b.Metadata, a.Metadata) {
			return at
		}
	}
	return 0
}

// has says whether a is in the set.
func (s *addressSet) has(a Address) bool { return s.entry(hashAddr(a.Addr), a) > 0 }

// add puts a into the set and says whether it was new.
func (s *addressSet) add(a Address) bool {
	hash := hashAddr(a.Addr)
	if s.entry(hash, a) > 0 {
		return false
	}
	s.push(hash, a)
	return true
}

// grow makes room for n more.
func (s *addressSet) grow(n int) {
	s.log = slices.Grow(s.log, n)
	s.index.grow(n)
}

func (s *addressSet) push(hash uint32, a Address) {
	if len(s.log) == cap(s.log) {
		// Append grows a long list by a quarter, and so copies each entry four times.
		s.log = slices.Grow(s.log, max(len(s.log), 8))
	}
	s.log = append(s.log, a)
	s.index.push(hash)
	s.n++
}

// remove takes a out of the set and says whether it was there.
func (s *addressSet) remove(a Address) bool {
	at := s.entry(hashAddr(a.Addr), a)
	if at == 0 {
		return false
	}
	s.drop(at)
	s.closeGaps()
	return true
}

// removeAddr takes every address with that Addr out of the set, whatever its
// Metadata, and says whether there was one.
func (s *addressSet) removeAddr(addr string) bool {
	found := false
	for at := s.index.first(hashAddr(addr)); at > 0; {
		next := s.index.next(at)
		if s.log[at-1].Addr == addr {
			s.drop(at)
			found = true
		}
		at = next
	}
	s.closeGaps()
	return found
}

// drop removes the entry at-1.
func (s *addressSet) drop(at int32) {
	s.index.remove(at)
	s.gone.set(int(at - 1))
	s.n--
}

// closeGaps makes a new log when most of it has been removed. Doing that at each
// removal would make n of them quadratic.
func (s *addressSet) closeGaps() {
	if len(s.log) <= 16 || s.n >= len(s.log)/2 {
		return
	}
	var kept addressSet
	kept.grow(s.n)
	for i, a := range s.log {
		if !s.gone.has(i) {
			kept.push(s.index.links[i].hash, a)
		}
	}
	*s = kept
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
	if len(s.log) == 0 {
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
