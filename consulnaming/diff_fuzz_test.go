package consulnaming

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

// FuzzDiff holds diff to what it promises, between any two lists: applied to the
// first its updates give the second, deletes come first, each half is sorted, and
// there are no more of them than instances that differ.
func FuzzDiff(f *testing.F) {
	for _, seed := range [][2]string{
		{"", ""},
		{"a", ""},
		{"", "a b"},
		{"a b c", "b d"},
		{"a=i1 b=i1", "a=i1 b=i2"},
		{"a=lx", "a=lx"},
		{"a=px b=py", "a=px b=pz"},
		{"a=mx", "a"},
		{"a=n b=f", "a=n b=f"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, from, to string) {
		checkDiff(t, listOf(from), listOf(to))
	})
}

// listOf reads "addr=metadata" separated by spaces. Lists are sorted and have
// each address once.
func listOf(text string) []instance {
	var list []instance
	for _, word := range strings.Split(text, " ") {
		addr, meta, _ := strings.Cut(word, "=")
		if addr != "" {
			list = append(list, instance{addr: addr, metadata: metadataFrom(meta)})
		}
	}
	slices.SortStableFunc(list, func(a, b instance) int { return strings.Compare(a.addr, b.addr) })
	return slices.CompactFunc(list, func(a, b instance) bool { return a.addr == b.addr })
}

// metadataFrom makes a value of the kind that the first letter says.
func metadataFrom(text string) interface{} {
	if text == "" {
		return nil
	}
	rest := text[1:]
	switch text[0] {
	case 'i':
		return len(rest)
	case 'l':
		return []string{rest}
	case 'm':
		return map[string]int{rest: 1}
	case 'p':
		return &struct{ name string }{rest} // another pointer each time
	case 'n':
		return math.NaN()
	case 'f':
		return func() {}
	}
	return text
}

func checkDiff(t *testing.T, from, to []instance) {
	t.Helper()
	has := func(list []instance, i instance) bool {
		return slices.ContainsFunc(list, func(j instance) bool { return i.addr == j.addr && reflect.DeepEqual(i.metadata, j.metadata) })
	}
	var gone, come []instance
	for _, i := range from {
		if !has(to, i) {
			gone = append(gone, i)
		}
	}
	for _, i := range to {
		if !has(from, i) {
			come = append(come, i)
		}
	}
	updates := diff(from, to)
	if len(updates) != len(gone)+len(come) {
		t.Fatalf("%d updates from %v to %v, want %d deletes and %d adds", len(updates), from, to, len(gone), len(come))
	}
	// Both lists are sorted, hence gone and come are: that the updates are
	// they says that deletes come first, and that each half is sorted.
	for n, want := range append(gone, come...) {
		op := naming.Delete
		if n >= len(gone) {
			op = naming.Add
		}
		if u := updates[n]; u == nil || u.Op != op || u.Addr != want.addr || !sameValue(u.Metadata, want.metadata) {
			t.Fatalf("update %d from %v to %v is %+v, want %v of %v", n, from, to, u, op, want)
		}
	}
	set := make(map[string]interface{})
	for _, i := range from {
		set[i.addr] = i.metadata
	}
	for _, u := range updates {
		if _, there := set[u.Addr]; there != (u.Op == naming.Delete) {
			t.Fatalf("from %v to %v: %+v, and in the set it is: %v", from, to, u, there)
		}
		if u.Op == naming.Delete {
			delete(set, u.Addr)
		} else {
			set[u.Addr] = u.Metadata
		}
	}
	if len(set) != len(to) {
		t.Fatalf("the updates from %v to %v lead to %v", from, to, set)
	}
	for _, i := range to {
		if m, there := set[i.addr]; !there || !has(from, i) && !sameValue(m, i.metadata) {
			t.Fatalf("the updates from %v to %v lead to %v at %s", from, to, m, i.addr)
		}
	}
}

// sameValue says whether a and b are one value, handed on, be it one that equals
// nothing.
func sameValue(a, b interface{}) bool {
	switch va, vb := reflect.ValueOf(a), reflect.ValueOf(b); {
	case a == nil || b == nil || va.Type() != vb.Type():
		return a == nil && b == nil
	case slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func}, va.Kind()):
		return va.Pointer() == vb.Pointer()
	case va.Kind() == reflect.Float64:
		return math.Float64bits(va.Float()) == math.Float64bits(vb.Float())
	default:
		return a == b
	}
}
