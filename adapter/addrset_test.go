package adapter

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

func TestSameMetadata(t *testing.T) {
	type point struct{ x, y int }
	type box struct{ v interface{} }
	p := &point{1, 2}
	f := func() {}
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
	}
	for _, test := range tests {
		if got := sameMetadata(test.a, test.b); got != test.want {
			t.Errorf("sameMetadata(%#v, %#v) = %v", test.a, test.b, got)
		}
	}
}

// naiveSet is what v1.29.1 did, one scan per update, with our rule for Deletes.
type naiveSet []Address

func (s *naiveSet) fold(u *naming.Update) {
	a := Address{u.Addr, u.Metadata}
	same := func(b Address) bool { return b.Addr == a.Addr && sameMetadata(b.Metadata, a.Metadata) }
	switch u.Op {
	case naming.Add:
		if !slices.ContainsFunc(*s, same) {
			*s = append(*s, a)
		}
	case naming.Delete:
		if slices.ContainsFunc(*s, same) {
			*s = slices.DeleteFunc(*s, same)
		} else {
			*s = slices.DeleteFunc(*s, func(b Address) bool { return b.Addr == a.Addr })
		}
	}
}

// TestFold compares the set with the naive one, order included, over random
// updates that hit one another often.
func TestFold(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		var set addressSet
		var naive naiveSet
		for range 400 {
			u := &naming.Update{Op: naming.Operation(rnd.IntN(2)), Addr: fmt.Sprint("a", rnd.IntN(40))}
			switch rnd.IntN(4) {
			case 0:
				u.Metadata = rnd.IntN(3)
			case 1:
				u.Metadata = []int{rnd.IntN(2)}
			}
			before := fmt.Sprint(naive)
			naive.fold(u)
			changed := set.fold([]*naming.Update{u})
			if got, want := fmt.Sprint(set.list()), fmt.Sprint(naive); got != want {
				t.Fatalf("after %+v:\n%s, want\n%s", *u, got, want)
			}
			if want := before != fmt.Sprint(naive); changed != want {
				t.Fatalf("fold of %+v says changed = %v", *u, changed)
			}
			if set.len() != len(naive) {
				t.Fatalf("len = %d, want %d", set.len(), len(naive))
			}
		}
	}
}
