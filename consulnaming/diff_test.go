package consulnaming

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

func instancesOf(addrs ...string) []instance {
	var list []instance
	for _, a := range addrs {
		addr, meta, ok := strings.Cut(a, "=")
		i := instance{addr: addr}
		if ok {
			i.metadata = []string{meta} // not comparable with ==
		}
		list = append(list, i)
	}
	return list
}

func TestDiff(t *testing.T) {
	tests := []struct {
		from, to []instance
		want     string
	}{
		{nil, nil, ""},
		{nil, instancesOf("a", "b"), "+a +b"},
		{instancesOf("a", "b"), nil, "-a -b"},
		{instancesOf("a", "b"), instancesOf("a", "b"), ""},
		{instancesOf("b", "d"), instancesOf("a", "c", "e"), "-b -d +a +c +e"},
		{instancesOf("a=1", "b=1"), instancesOf("a=1", "b=2"), "-b[1] +b[2]"},
		{instancesOf("a"), instancesOf("a=1"), "-a +a[1]"},
	}
	for _, test := range tests {
		var got []string
		for _, u := range diff(test.from, test.to) {
			s := map[naming.Operation]string{naming.Add: "+", naming.Delete: "-"}[u.Op] + u.Addr
			if u.Metadata != nil {
				s += fmt.Sprint(u.Metadata)
			}
			got = append(got, s)
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("diff(%v, %v) = %q, want %q", test.from, test.to, got, test.want)
		}
	}
}

// TestDiffLeadsThere applies the updates between random lists and wants to
// arrive, with deletes first, sorted, and no more of them than needed.
func TestDiffLeadsThere(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	random := func() []instance {
		var list []instance
		for i := range 30 {
			if rnd.IntN(2) == 0 {
				list = append(list, instance{addr: fmt.Sprintf("10.0.0.%02d:80", i), metadata: rnd.IntN(2)})
			}
		}
		return list
	}
	for range 500 {
		from, to := random(), random()
		set := make(map[string]interface{})
		for _, i := range from {
			set[i.addr] = i.metadata
		}
		updates := diff(from, to)
		for _, u := range updates {
			switch u.Op {
			case naming.Delete:
				if m, ok := set[u.Addr]; !ok || m != u.Metadata {
					t.Fatalf("deletes %v, which is not there", *u)
				}
				delete(set, u.Addr)
			case naming.Add:
				if _, ok := set[u.Addr]; ok {
					t.Fatalf("adds %v, which is there", *u)
				}
				set[u.Addr] = u.Metadata
			}
		}
		want := make(map[string]interface{})
		unchanged := 0
		for _, i := range to {
			want[i.addr] = i.metadata
			if slices.Contains(from, i) {
				unchanged++
			}
		}
		if !reflect.DeepEqual(set, want) {
			t.Fatalf("from %v, %d updates lead to %v, want %v", from, len(updates), set, want)
		}
		if n := len(from) + len(to) - 2*unchanged; len(updates) != n {
			t.Fatalf("%d updates, want %d", len(updates), n)
		}
		if !slices.IsSortedFunc(updates, func(a, b *naming.Update) int {
			if a.Op != b.Op {
				return int(b.Op) - int(a.Op) // Delete is 1, and first
			}
			return strings.Compare(a.Addr, b.Addr)
		}) {
			t.Fatal("the updates are not sorted")
		}
	}
}
