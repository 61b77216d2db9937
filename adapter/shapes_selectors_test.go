package adapter

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
)

// ketama is a consistent hash over a key from the context.
type ketama struct {
	ring  []uint32
	addrs map[uint32]Address
}

type ketamaKey struct{}

func (k *ketama) update(connected []Address) {
	k.ring, k.addrs = nil, make(map[uint32]Address)
	for _, a := range connected {
		for i := range 100 {
			h := hash(a.Addr + "#" + strconv.Itoa(i))
			k.ring = append(k.ring, h)
			k.addrs[h] = a
		}
	}
	slices.Sort(k.ring)
}

func (k *ketama) choose(ctx context.Context) (Address, func()) {
	key, _ := ctx.Value(ketamaKey{}).(string)
	i, _ := slices.BinarySearch(k.ring, hash(key))
	return k.addrs[k.ring[i%len(k.ring)]], nil
}

func hash(s string) uint32 {
	sum := md5.Sum([]byte(s))
	return binary.BigEndian.Uint32(sum[:])
}

// weighted takes turns as often as the weight in an address's Metadata says.
type weighted struct {
	turns []Address
	next  int
}

type instance struct{ weight int }

func (w *weighted) update(connected []Address) {
	w.turns = nil
	for _, a := range connected {
		for range a.Metadata.(*instance).weight {
			w.turns = append(w.turns, a)
		}
	}
}

func (w *weighted) choose(context.Context) (Address, func()) {
	w.next = (w.next + 1) % len(w.turns)
	return w.turns[w.next], nil
}

type random struct{ connected []Address }

func (r *random) update(connected []Address) { r.connected = connected }

func (r *random) choose(context.Context) (Address, func()) {
	return r.connected[rand.IntN(len(r.connected))], nil
}

// leastLoaded counts the RPCs under way, which put says are over.
type leastLoaded struct {
	connected []Address
	load      map[Address]int
}

func (l *leastLoaded) update(connected []Address) {
	l.connected = connected
	if l.load == nil {
		l.load = make(map[Address]int)
	}
}

func (l *leastLoaded) choose(context.Context) (Address, func()) {
	best := l.connected[0]
	for _, a := range l.connected[1:] {
		if l.load[a] < l.load[best] {
			best = a
		}
	}
	l.load[best]++
	return best, func() { l.load[best]-- }
}

// preferLocal takes turns within its zone, and outside it if nobody is in it.
type preferLocal struct {
	zone          string
	local, remote []Address
	next          int
}

func (p *preferLocal) update(connected []Address) {
	p.local, p.remote = nil, nil
	for _, a := range connected {
		if a.Metadata == p.zone {
			p.local = append(p.local, a)
		} else {
			p.remote = append(p.remote, a)
		}
	}
}

func (p *preferLocal) choose(context.Context) (Address, func()) {
	from := p.local
	if len(from) == 0 {
		from = p.remote
	}
	p.next++
	return from[p.next%len(from)], nil
}
