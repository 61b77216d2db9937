package adapter

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

// modelSet is the set of addresses as docs/contract.md describes it, in a plain
// slice.
type modelSet []Address

// modelEqual is the contract's "Addr and Metadata with ==", "compared by content"
// where == panics or tells fresh pointers apart.
func modelEqual(a, b Address) bool {
	return a.Addr == b.Addr && (identicalNoPanic(a.Metadata, b.Metadata) || reflect.DeepEqual(a.Metadata, b.Metadata))
}

func identicalNoPanic(a, b interface{}) (equal bool) {
	defer func() { _ = recover() }()
	return a == b
}

func (s modelSet) has(a Address) bool {
	return slices.ContainsFunc(s, func(b Address) bool { return modelEqual(a, b) })
}

// fold returns the set after one update, and whether that changed it.
func (s modelSet) fold(u *naming.Update) (modelSet, bool) {
	if u == nil {
		return s, false
	}
	a := Address{u.Addr, u.Metadata}
	var kept modelSet
	switch {
	case u.Op == naming.Add && !s.has(a):
		return append(slices.Clone(s), a), true
	case u.Op == naming.Delete && s.has(a):
		for _, b := range s {
			if !modelEqual(a, b) {
				kept = append(kept, b)
			}
		}
	case u.Op == naming.Delete: // no exact match: every entry with that Addr
		for _, b := range s {
			if b.Addr != a.Addr {
				kept = append(kept, b)
			}
		}
	default:
		return s, false
	}
	return kept, len(kept) < len(s)
}

func (s modelSet) foldAll(updates []*naming.Update) (modelSet, bool) {
	changed := false
	for _, u := range updates {
		var c bool
		s, c = s.fold(u)
		changed = changed || c
	}
	return s, changed
}

// sameList says whether two lists have the same addresses in the same order,
// with the very values that were added, and not others of equal content.
func sameList(a, b []Address) bool {
	return slices.EqualFunc(a, b, func(x, y Address) bool {
		if x.Addr != y.Addr {
			return false
		}
		switch v, w := reflect.ValueOf(x.Metadata), reflect.ValueOf(y.Metadata); v.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func:
			return w.Kind() == v.Kind() && w.Pointer() == v.Pointer()
		case reflect.Float64:
			return w.Kind() == v.Kind() && math.Float64bits(v.Float()) == math.Float64bits(w.Float())
		default:
			return reflect.DeepEqual(x.Metadata, y.Metadata) || !modelEqual(x, x) && v.Kind() == w.Kind()
		}
	})
}

// fuzzLength bounds the bytes that are read: the model's work grows with their
// square, and a fuzzing process that takes ten seconds counts as hung.
const fuzzLength = 3 * 200

// fuzzUpdates reads three bytes per update: operation, address, Metadata.
func fuzzUpdates(data []byte) (updates []*naming.Update) {
	data = data[:min(len(data), fuzzLength)]
	for ; len(data) >= 3; data = data[3:] {
		u := &naming.Update{Addr: fmt.Sprintf("a%d", data[1]%5), Metadata: fuzzMetadata(data[2])}
		switch data[0] % 8 {
		case 0, 1, 2:
			u.Op = naming.Add
		case 3, 4, 5:
			u.Op = naming.Delete
		case 6:
			u.Op = naming.Operation(data[0]) // unknown
		case 7:
			u = nil
		}
		updates = append(updates, u)
	}
	return updates
}

var fuzzPointers = [2]*int{new(int), new(int)} // equal content, two pointers

// fuzzMetadata makes values of many kinds, a fresh one each time. Most are equal
// to another for some other byte, or hold what == panics on.
func fuzzMetadata(b byte) interface{} {
	type box struct{ V interface{} }
	type point struct{ X, Y int }
	n := int(b / 32)
	switch b % 32 {
	case 0, 1, 2, 3:
		return nil
	case 4:
		return n
	case 5:
		return int64(n)
	case 6:
		return fmt.Sprint(n)
	case 7:
		return math.NaN()
	case 8:
		return math.Copysign(0, float64(n-4)) // 0 and -0 are equal
	case 9:
		return &point{n, n}
	case 10:
		return fuzzPointers[n%2]
	case 11:
		return (*point)(nil)
	case 12:
		return point{n, 0}
	case 13:
		return box{n}
	case 14:
		return box{[]int{n}} // comparable by type, and not by value
	case 15:
		return &box{func() {}}
	case 16:
		return []int{n}
	case 17:
		return []int(nil)
	case 18:
		return map[string]int{"a": n}
	case 19:
		return map[float64]int{math.NaN(): n}
	case 20:
		return func() {}
	case 21:
		return (func())(nil)
	case 22:
		return [1]interface{}{map[int]int{n: n}}
	case 23:
		return make(chan int)
	case 24:
		return error(nil)
	case 25:
		return box{box{math.NaN()}}
	case 26:
		loop := &box{}
		loop.V = loop
		return loop
	case 27:
		return struct{}{}
	case 28:
		return [0]func(){}
	case 29:
		return naming.AddrMetadataGRPCLB{ServerName: fmt.Sprint(n)}
	case 30:
		return &naming.AddrMetadataGRPCLB{ServerName: fmt.Sprint(n)}
	default:
		return complex(float64(n), math.NaN())
	}
}

// FuzzFold compares the set with the model after every batch of up to eight
// updates: the addresses, their order, the values kept, and what is said to have
// changed.
func FuzzFold(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 3, 0, 0})                   // add, add again, delete
	f.Add([]byte{0, 0, 4, 0, 0, 36, 3, 0, 0})                  // two Metadata, delete without
	f.Add([]byte{0, 0, 16, 0, 1, 16, 3, 0, 48, 3, 0, 16})      // slices
	f.Add([]byte{0, 0, 7, 0, 0, 7, 3, 0, 7})                   // NaN equals nothing
	f.Add([]byte{0, 0, 20, 0, 0, 4, 3, 0, 20})                 // nor does a function
	f.Add([]byte{7, 0, 0, 6, 0, 0, 14, 0, 0, 255, 1, 1, 0, 0}) // nil and unknown
	f.Add([]byte{0, 0, 10, 0, 0, 42, 0, 1, 9, 3, 1, 9})        // pointers
	f.Fuzz(func(t *testing.T, data []byte) {
		defer logged.Drop()()
		var set addressSet
		var model modelSet
		updates := fuzzUpdates(data)
		for batch := range slices.Chunk(updates, 8) {
			before, snapshot := set.list(), set.snapshot()
			was := slices.Clone(model)
			knows := slices.ContainsFunc(batch, func(u *naming.Update) bool {
				return u != nil && u.Op == naming.Add && model.has(Address{u.Addr, u.Metadata})
			})
			if got := set.knows(batch); got != knows {
				t.Fatalf("knows = %v, want %v", got, knows)
			}
			var want bool
			model, want = model.foldAll(batch)
			if changed := set.fold(batch); changed != want {
				t.Fatalf("fold says changed = %v, want %v", changed, want)
			}
			if got := set.list(); !sameList(got, model) || set.len() != len(model) {
				t.Fatalf("%d addresses %v, want %v", set.len(), got, model)
			}
			if got := snapshot.list(); !sameList(got, was) {
				t.Fatalf("a snapshot became %v, and was %v", got, was)
			}
			if len(before) > 0 {
				before[0].Addr = "not ours" // a list is the caller's own
				if got := set.list(); !sameList(got, model) {
					t.Fatalf("%v after a list was changed, want %v", got, model)
				}
			}
		}
		for _, a := range model {
			if has := set.has(a); modelEqual(a, a) != has {
				t.Fatalf("has(%v) = %v", a, has)
			}
		}
	})
}

// FuzzAddressSetDiff takes a set to a list: the updates do for the model what
// diff has done to the set, deletes come first, and a second diff has nothing to
// do. Metadata that does not equal itself is left out: diff, like v1.29.1, can
// only delete and add it again.
func FuzzAddressSetDiff(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 4}, []byte{0, 1, 36, 0, 2, 0})
	f.Add([]byte{0, 0, 9, 0, 1, 16, 0, 2, 18}, []byte{0, 1, 16, 0, 0, 9, 0, 0, 9})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		defer logged.Drop()()
		addresses := func(data []byte) (list []Address) {
			for _, u := range fuzzUpdates(data) {
				if u != nil && modelEqual(Address{u.Addr, u.Metadata}, Address{u.Addr, u.Metadata}) {
					list = append(list, Address{u.Addr, u.Metadata})
				}
			}
			return list
		}
		from, to := addresses(before), addresses(after)
		var set addressSet
		var model, target modelSet
		for _, a := range from {
			set.add(a)
			model, _ = model.fold(&naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
		for _, a := range to {
			target, _ = target.fold(&naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
		updates := set.diff(to)
		if !slices.IsSortedFunc(updates, func(a, b *naming.Update) int { return int(b.Op) - int(a.Op) }) {
			t.Fatal("deletes do not come first")
		}
		model, _ = model.foldAll(updates)
		if got := set.list(); !sameList(got, model) {
			t.Fatalf("the set is %v, and the updates lead to %v", got, model)
		}
		for _, a := range target {
			if !model.has(a) {
				t.Fatalf("%v is lost", a)
			}
		}
		if len(model) != len(target) {
			t.Fatalf("%v, want %v", model, target)
		}
		if again := set.diff(to); len(again) != 0 {
			t.Fatalf("a second diff has %d updates", len(again))
		}
	})
}
