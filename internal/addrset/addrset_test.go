package addrset_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/addrset/addrsettest"
	"github.com/grpcnaming/grpcnaming/naming"
)

func TestSameMetadata(t *testing.T) {
	type point struct{ x, y int }
	type box struct{ v interface{} }
	p := &point{1, 2}
	f := func() {}
	type counters struct {
		Mu    *sync.Mutex
		Calls map[string]int
	}
	type atomics struct{ Calls atomic.Int64 }
	type list struct{ All []struct{ sync.RWMutex } }
	type node struct{ Next *node }
	counted := &counters{}
	tests := []struct {
		a, b interface{}
		want bool
	}{
		{nil, nil, true},
		{nil, 0, false},
		{1, 1, true},
		{1, int64(1), false},
		{"a", "a", true},
		{1.5, 1.5, true},
		{math.NaN(), math.NaN(), false},
		{p, p, true},
		{p, &point{1, 2}, true},
		{p, &point{2, 1}, false},
		{point{1, 2}, point{1, 2}, true},
		{map[string]int{"a": 1}, map[string]int{"a": 1}, true},
		{map[string]int{"a": 1}, map[string]int{"a": 2}, false},
		{[]int{1}, []int{1}, true},
		{box{[]int{1}}, box{[]int{1}}, true}, // comparable by type, not by value
		{box{[]int{1}}, box{1}, false},
		{f, f, false},
		{(*point)(nil), nil, false},
		// Content that changes under a lock is not looked at.
		{counted, counted, true},
		{counted, &counters{}, false},
		{&atomics{}, &atomics{}, false},
		{&list{}, &list{}, false},
		{&map[string][1]*atomics{}, &map[string][1]*atomics{}, false},
		{(*counters)(nil), (*counters)(nil), true},
		{&node{}, &node{}, true}, // a type that leads to itself
	}
	for _, test := range tests {
		if got := addrset.Same(test.a, test.b); got != test.want {
			t.Errorf("Same(%#v, %#v) = %v", test.a, test.b, got)
		}
	}
}

// TestFold compares the set with the model, order included, over random
// updates that hit one another often.
func TestFold(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var set addrset.Set
		var model addrsettest.Model
		for range 400 {
			u := &naming.Update{Op: naming.Operation(rnd.IntN(2)), Addr: fmt.Sprint("a", rnd.IntN(40))}
			switch rnd.IntN(4) {
			case 0:
				u.Metadata = rnd.IntN(3)
			case 1:
				u.Metadata = []int{rnd.IntN(2)}
			}
			var want bool
			model, want = model.Fold(u)
			changed := set.Fold([]*naming.Update{u})
			if got, want := fmt.Sprint(addrset.List[addrset.Address](&set)), fmt.Sprint(model); got != want {
				t.Fatalf("after %+v:\n%s, want\n%s", *u, got, want)
			}
			if changed != want {
				t.Fatalf("Fold of %+v says changed = %v", *u, changed)
			}
			if set.Len() != len(model) {
				t.Fatalf("Len = %d, want %d", set.Len(), len(model))
			}
		}
	}
}

// A set does not grow with what has been in it.
func TestSetShrinks(t *testing.T) {
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var s addrset.Set
	before := heap()
	for i := range 100_000 {
		a := addrset.Address{Addr: fmt.Sprint(i)}
		s.Add(a)
		s.Remove(a)
	}
	if got := int64(heap() - before); got > 100_000 {
		t.Errorf("%d bytes for nothing", got)
	}
	runtime.KeepAlive(&s)
}
