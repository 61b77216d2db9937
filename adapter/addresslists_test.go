package adapter

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"weak"

	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/naming"
)

// A list that others have is nobody's to change: what the pool gives is, at all
// times, the addresses of the snapshot, and what it gave before stays.
func TestListsStay(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	pool := listPool{made: make(map[listKey]weak.Pointer[addressList])}
	var sets [3]addressSet
	var models [3]modelSet
	var lists []*addressList
	var were []modelSet
	for range 2_000 {
		metadata := []interface{}{nil, nil, nil, rnd.IntN(2), []int{rnd.IntN(2)}, new(int)}[rnd.IntN(6)]
		u := &naming.Update{Op: naming.Operation(rnd.IntN(5) / 4), Addr: fmt.Sprint("a", rnd.IntN(100)), Metadata: metadata}
		for i := range sets {
			if rnd.IntN(50) > 0 { // else it misses one
				models[i], _ = models[i].fold(u)
				sets[i].fold([]*naming.Update{u})
			}
			l := pool.get(sets[i].snapshot())
			if !sameList(l.v1, models[i]) {
				t.Fatalf("%v, want %v", l.v1, models[i])
			}
			lists, were = append(lists, l), append(were, models[i])
		}
	}
	for i, l := range lists {
		if !sameList(l.v1, were[i]) {
			t.Fatalf("list %d has become %v, and was %v", i, l.v1, were[i])
		}
		if len(l.dialled) != len(l.v1) {
			t.Fatalf("%d addresses, %d to be dialled", len(l.v1), len(l.dialled))
		}
		for j, a := range l.v1 {
			if l.dialled[j].Addr != a.Addr {
				t.Fatalf("%q is dialled for %q", l.dialled[j].Addr, a.Addr)
			}
		}
	}
}

// What a list has in common with another is what both begin and end with, however
// often, and after whatever else, it is asked.
func TestSince(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	kinds := []interface{}{nil, nil, nil, "x", []int{1}, new(int), new(int)}
	var lists []*addressList
	for range 30 {
		l := &addressList{}
		for range rnd.IntN(8) {
			a := Address{Addr: string(rune('a' + rnd.IntN(2))), Metadata: kinds[rnd.IntN(len(kinds))]}
			l.v1 = append(l.v1, a)
			l.dialled = append(l.dialled, resolver.Address{Addr: a.Addr, ServerName: []string{"", "", "", "via a proxy"}[rnd.IntN(4)]})
		}
		lists = append(lists, l)
	}
	if got := lists[0].since(nil); got != (difference{}) {
		t.Errorf("%+v in common with nothing", got)
	}
	renamed := 0
	for range 5_000 {
		now, former := lists[rnd.IntN(len(lists))], lists[rnd.IntN(len(lists))]
		got := now.since(former)
		n, m := len(now.v1), len(former.v1)
		same := func(i, j int) bool {
			return now.v1[i].same(former.v1[j]) && now.dialled[i].Equal(former.dialled[j])
		}
		told := false
		for i := range got.head {
			if !same(i, i) {
				t.Fatalf("%v begins with %d of %v?", now.v1, got.head, former.v1)
			}
			told = told || !identical(now.v1[i].Metadata, former.v1[i].Metadata)
		}
		for i := 1; i <= got.tail; i++ {
			if !same(n-i, m-i) {
				t.Fatalf("%v ends with %d of %v?", now.v1, got.tail, former.v1)
			}
			told = told || !identical(now.v1[n-i].Metadata, former.v1[m-i].Metadata)
		}
		if got.head+got.tail > min(n, m) {
			t.Fatalf("%v has %d and %d in common with %v?", now.v1, got.head, got.tail, former.v1)
		}
		if got.head+got.tail < min(n, m) && (same(got.head, got.head) || same(n-got.tail-1, m-got.tail-1)) {
			t.Fatalf("%v has more than %d and %d in common with %v", now.v1, got.head, got.tail, former.v1)
		}
		if got.renamed != told {
			t.Fatalf("%v since %v: renamed is %v", now.v1, former.v1, got.renamed)
		}
		if told {
			renamed++
		}
	}
	if renamed == 0 {
		t.Error("nothing was renamed")
	}
}

// ClientConns whose addresses are the same share their list, however each came to
// it, and a list that nobody has any more does not stay.
func TestListsAreShared(t *testing.T) {
	pool := listPool{made: make(map[listKey]weak.Pointer[addressList])}
	var a, b addressSet
	a.fold(add("1", "2", "3"))
	b.fold(add("0", "1", "2"))
	b.fold(del("0"))
	b.fold(add("3"))
	first, second := pool.get(a.snapshot()), pool.get(b.snapshot())
	if first != second {
		t.Error("equal addresses have two lists")
	}
	b.fold(add("4"))
	if third := pool.get(b.snapshot()); third == first || len(third.v1) != 4 || len(first.v1) != 3 {
		t.Error("other addresses have the same list")
	}
	runtime.KeepAlive(first)
	first, second = nil, nil
	eventually(t, "lists that nobody has are forgotten", func() bool {
		runtime.GC()
		pool.get(snapshot{})
		pool.mu.Lock()
		defer pool.mu.Unlock()
		delete(pool.made, listKey{}) // so that the next get sweeps
		return len(pool.made) == 0
	})
}
