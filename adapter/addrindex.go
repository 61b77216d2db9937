package adapter

import "hash/maphash"

// addrIndex finds the entries of a list by their Addr: a hash table with chains,
// of numbers alone. A map from Addr to the number would have each Addr once more,
// and its growing, missing the cache and being scanned by the garbage collector
// are most of what folding costs then: see BenchmarkFoldFloor. The zero value is
// empty.
type addrIndex struct {
	heads []int32 // by hash, modulo their number: 1 + the newest entry of a chain, 0 for none; a power of two of them
	links []link  // one per entry
}

type link struct {
	hash  uint32
	older int32 // 1 + the next entry of the chain, 0 for none; removed if the entry is
}

const removed = -1

// hashSeed keeps a catalogue from choosing addresses that share a chain.
var hashSeed = maphash.MakeSeed()

func hashAddr(addr string) uint32 { return uint32(maphash.String(hashSeed, addr)) }

// first returns 1 + the first entry whose Addr may have that hash, or 0.
func (x *addrIndex) first(hash uint32) int32 {
	if len(x.heads) == 0 {
		return 0
	}
	return *x.head(hash)
}

// next returns 1 + the next entry after the entry at-1, or 0.
func (x *addrIndex) next(at int32) int32 { return x.links[at-1].older }

func (x *addrIndex) head(hash uint32) *int32 { return &x.heads[hash&uint32(len(x.heads)-1)] }

// push adds the next entry of the list.
func (x *addrIndex) push(hash uint32) {
	if len(x.links) == len(x.heads) {
		x.grow(1)
	}
	head := x.head(hash)
	x.links = append(x.links, link{hash, *head})
	*head = int32(len(x.links))
}

// remove takes the entry at-1 out of its chain. Its number is not used again.
func (x *addrIndex) remove(at int32) {
	e := &x.links[at-1]
	p := x.head(e.hash)
	for *p != at {
		p = &x.links[*p-1].older
	}
	*p, e.older = e.older, removed
}

// grow makes room for n more entries, so that chains stay as short as one entry on
// average.
func (x *addrIndex) grow(n int) {
	size := max(len(x.heads), 8)
	for size < len(x.links)+n {
		size *= 2
	}
	if size == len(x.heads) {
		return
	}
	x.heads = make([]int32, size)
	x.links = append(make([]link, 0, size), x.links...)
	for i := range x.links {
		if e := &x.links[i]; e.older != removed {
			head := x.head(e.hash)
			e.older, *head = *head, int32(i+1)
		}
	}
}
