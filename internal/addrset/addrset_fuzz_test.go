package addrset_test

import (
	"slices"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/addrset/addrsettest"
	"github.com/grpcnaming/grpcnaming/internal/testlog"
	"github.com/grpcnaming/grpcnaming/naming"
)

// logged keeps what the package logs.
var logged *testlog.Log

func TestMain(m *testing.M) {
	logged = testlog.Capture()
	m.Run()
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
		var set addrset.Set
		var model addrsettest.Model
		updates := addrsettest.Updates(data)
		for batch := range slices.Chunk(updates, 8) {
			before := addrset.List[addrset.Address](&set)
			was := slices.Clone(model)
			knows := slices.ContainsFunc(batch, func(u *naming.Update) bool {
				return u != nil && u.Op == naming.Add && model.Has(addrset.Address{Addr: u.Addr, Metadata: u.Metadata})
			})
			if got := set.Knows(batch); got != knows {
				t.Fatalf("Knows = %v, want %v", got, knows)
			}
			var want bool
			model, want = model.FoldAll(batch)
			if changed := set.Fold(batch); changed != want {
				t.Fatalf("Fold says changed = %v, want %v", changed, want)
			}
			if got := addrset.List[addrset.Address](&set); !addrsettest.SameList(got, model) || set.Len() != len(model) {
				t.Fatalf("%d addresses %v, want %v", set.Len(), got, model)
			}
			if !addrsettest.SameList(before, was) {
				t.Fatalf("a list became %v, and was %v", before, was)
			}
			if len(before) > 0 {
				before[0].Addr = "not ours" // a list is the caller's own
				if got := addrset.List[addrset.Address](&set); !addrsettest.SameList(got, model) {
					t.Fatalf("%v after a list was changed, want %v", got, model)
				}
			}
		}
		for _, a := range model {
			if has := set.Has(a); addrsettest.Equal(a, a) != has {
				t.Fatalf("Has(%v) = %v", a, has)
			}
		}
	})
}

// FuzzAddressSetDiff takes a set to a list: the updates do for the model what
// Become has done to the set, deletes come first, and a second Become has nothing to
// do. Metadata that does not equal itself is left out: Become, like v1.29.1, can
// only delete and add it again.
func FuzzAddressSetDiff(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 1, 4}, []byte{0, 1, 36, 0, 2, 0})
	f.Add([]byte{0, 0, 9, 0, 1, 16, 0, 2, 18}, []byte{0, 1, 16, 0, 0, 9, 0, 0, 9})
	f.Fuzz(func(t *testing.T, before, after []byte) {
		defer logged.Drop()()
		addresses := func(data []byte) (list []addrset.Address) {
			for _, u := range addrsettest.Updates(data) {
				if u != nil && addrsettest.Equal(addrset.Address{Addr: u.Addr, Metadata: u.Metadata}, addrset.Address{Addr: u.Addr, Metadata: u.Metadata}) {
					list = append(list, addrset.Address{Addr: u.Addr, Metadata: u.Metadata})
				}
			}
			return list
		}
		from, to := addresses(before), addresses(after)
		var set addrset.Set
		var model, target addrsettest.Model
		for _, a := range from {
			set.Add(a)
			model, _ = model.Fold(&naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
		for _, a := range to {
			target, _ = target.Fold(&naming.Update{Op: naming.Add, Addr: a.Addr, Metadata: a.Metadata})
		}
		updates := set.Become(to)
		if !slices.IsSortedFunc(updates, func(a, b *naming.Update) int { return int(b.Op) - int(a.Op) }) {
			t.Fatal("deletes do not come first")
		}
		model, _ = model.FoldAll(updates)
		if got := addrset.List[addrset.Address](&set); !addrsettest.SameList(got, model) {
			t.Fatalf("the set is %v, and the updates lead to %v", got, model)
		}
		for _, a := range target {
			if !model.Has(a) {
				t.Fatalf("%v is lost", a)
			}
		}
		if len(model) != len(target) {
			t.Fatalf("%v, want %v", model, target)
		}
		if again := set.Become(to); len(again) != 0 {
			t.Fatalf("a second Become has %d updates", len(again))
		}
	})
}
