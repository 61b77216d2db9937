package adapter

import "github.com/grpcnaming/grpcnaming/naming"

// addressSet is the set of addresses that naming updates are folded into. It
// keeps the order in which they were added, as RoundRobin takes turns in it.
// The zero value is empty. It has no lock: its owner has one.
type addressSet struct {
	byAddr  map[string][]*member
	members []*member // in order of addition; a removed one leaves a nil
	n       int       // members that are not nil
}

type member struct {
	Address
	index int // in members
}

func (s *addressSet) len() int { return s.n }

// find returns the member equal to a, or nil.
func (s *addressSet) find(a Address) *member {
	for _, m := range s.byAddr[a.Addr] {
		if sameMetadata(m.Metadata, a.Metadata) {
			return m
		}
	}
	return nil
}

// add puts a into the set and says whether it was new.
func (s *addressSet) add(a Address) bool {
	if s.find(a) != nil {
		return false
	}
	if s.byAddr == nil {
		s.byAddr = make(map[string][]*member)
	}
	m := &member{Address: a, index: len(s.members)}
	s.members = append(s.members, m)
	s.byAddr[a.Addr] = append(s.byAddr[a.Addr], m)
	s.n++
	return true
}

// remove takes a out of the set and says whether it was there.
func (s *addressSet) remove(a Address) bool {
	m := s.find(a)
	if m == nil {
		return false
	}
	s.drop(m)
	return true
}

// removeAddr takes every address with that Addr out of the set, whatever its
// Metadata, and says whether there was one.
func (s *addressSet) removeAddr(addr string) bool {
	found := false
	for len(s.byAddr[addr]) > 0 {
		s.drop(s.byAddr[addr][0])
		found = true
	}
	return found
}

func (s *addressSet) drop(m *member) {
	same := s.byAddr[m.Addr]
	for i, other := range same {
		if other == m {
			same = append(same[:i], same[i+1:]...)
			break
		}
	}
	if len(same) == 0 {
		delete(s.byAddr, m.Addr)
	} else {
		s.byAddr[m.Addr] = same
	}
	s.members[m.index] = nil
	s.n--
	// Closing the gap at each removal would make n removals quadratic.
	if len(s.members) > 16 && s.n < len(s.members)/2 {
		s.compact()
	}
}

func (s *addressSet) compact() {
	kept := make([]*member, 0, s.n)
	for _, m := range s.members {
		if m != nil {
			m.index = len(kept)
			kept = append(kept, m)
		}
	}
	s.members = kept
}

// list returns the addresses in order, in a slice of the caller's own.
func (s *addressSet) list() []Address {
	list := make([]Address, 0, s.n)
	for _, m := range s.members {
		if m != nil {
			list = append(list, m.Address)
		}
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
	for _, u := range updates {
		if u != nil && u.Op == naming.Add && s.find(Address{u.Addr, u.Metadata}) != nil {
			return true
		}
	}
	return false
}

// diff makes the set equal to list and returns the updates that do so: deletes
// first, in the set's order, then adds, in the list's.
func (s *addressSet) diff(list []Address) (updates []*naming.Update) {
	var wanted addressSet
	for _, a := range list {
		wanted.add(a)
	}
	for _, a := range s.list() {
		if wanted.find(a) == nil {
			updates = append(updates, &naming.Update{Op: naming.Delete, Addr: a.Addr, Metadata: a.Metadata})
		}
	}
	for _, a := range wanted.list() {
		if s.find(a) == nil {
			updates = append(updates, &naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
	}
	s.fold(updates)
	return updates
}
