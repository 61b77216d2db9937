// Package addrsettest has what tests compare an addrset.Set with, and the updates
// that fuzz tests fold into both.
package addrsettest

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Model is the set of addresses as docs/contract.md describes it, in a plain
// slice.
type Model []addrset.Address

// Equal is the contract's "Addr and Metadata with ==", "compared by content"
// where == panics or tells fresh pointers apart.
func Equal(a, b addrset.Address) bool {
	return a.Addr == b.Addr && (identicalNoPanic(a.Metadata, b.Metadata) || reflect.DeepEqual(a.Metadata, b.Metadata))
}

func identicalNoPanic(a, b interface{}) (equal bool) {
	defer func() { _ = recover() }()
	return a == b
}

func (s Model) Has(a addrset.Address) bool {
	return slices.ContainsFunc(s, func(b addrset.Address) bool { return Equal(a, b) })
}

// Fold returns the set after one update, and whether that changed it.
func (s Model) Fold(u *naming.Update) (Model, bool) {
	if u == nil {
		return s, false
	}
	a := addrset.Address{Addr: u.Addr, Metadata: u.Metadata}
	var kept Model
	switch {
	case u.Op == naming.Add && !s.Has(a):
		return append(slices.Clone(s), a), true
	case u.Op == naming.Delete && s.Has(a):
		for _, b := range s {
			if !Equal(a, b) {
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

// FoldAll folds one update after the other.
func (s Model) FoldAll(updates []*naming.Update) (Model, bool) {
	changed := false
	for _, u := range updates {
		var c bool
		s, c = s.Fold(u)
		changed = changed || c
	}
	return s, changed
}

// SameList says whether two lists have the same addresses in the same order,
// with the very values that were added, and not others of equal content.
func SameList(a, b []addrset.Address) bool {
	return slices.EqualFunc(a, b, func(x, y addrset.Address) bool {
		if x.Addr != y.Addr {
			return false
		}
		switch v, w := reflect.ValueOf(x.Metadata), reflect.ValueOf(y.Metadata); v.Kind() {
		case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func:
			return w.Kind() == v.Kind() && w.Pointer() == v.Pointer()
		case reflect.Float64:
			return w.Kind() == v.Kind() && math.Float64bits(v.Float()) == math.Float64bits(w.Float())
		default:
			return reflect.DeepEqual(x.Metadata, y.Metadata) || !Equal(x, x) && v.Kind() == w.Kind()
		}
	})
}

// FuzzLength bounds the bytes that are read: the model's work grows with their
// square, and a fuzzing process that takes ten seconds counts as hung.
const FuzzLength = 3 * 200

// Updates reads three bytes per update: operation, address, Metadata.
func Updates(data []byte) (updates []*naming.Update) {
	data = data[:min(len(data), FuzzLength)]
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
