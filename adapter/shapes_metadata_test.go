package adapter

import (
	"encoding/json"
	"testing"

	"github.com/grpcnaming/grpcnaming/naming"
)

type instanceInfo struct {
	Zone   string
	Weight int
	Tags   []string
}

// decoded is what a resolver has that keeps Metadata as JSON.
func decoded(t *testing.T, text string) interface{} {
	t.Helper()
	var v interface{}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// Whatever kind Metadata is of, made anew for each event as resolvers do: it is
// one address, and a Delete finds it, with Metadata or without.
func TestShapeMetadata(t *testing.T) {
	for name, fresh := range map[string]func() interface{}{
		"string":            func() interface{} { return "zone-a" },
		"int":               func() interface{} { return 7 },
		"float64":           func() interface{} { return 0.5 },
		"struct":            func() interface{} { return struct{ Zone string }{"a"} },
		"pointer to struct": func() interface{} { return &instanceInfo{"a", 3, []string{"v1", "canary"}} },
		"map":               func() interface{} { return map[string]string{"zone": "a"} },
		"pointer to map":    func() interface{} { return &map[string]string{"zone": "a"} },
		"JSON object": func() interface{} {
			return decoded(t, `{"zone": "a", "weight": 3, "tags": ["v1"], "limits": {"qps": 1e3, "burst": null}}`)
		},
		"JSON array":  func() interface{} { return decoded(t, `["v1", 3, {"zone": "a"}]`) },
		"JSON string": func() interface{} { return decoded(t, `"zone-a"`) },
		"JSON number": func() interface{} { return decoded(t, `3`) },
	} {
		t.Run(name, func(t *testing.T) {
			b, counter, w, conn := pool(t)
			for i, gone := range []*naming.Update{
				{Op: naming.Delete, Addr: b.Addr(), Metadata: fresh()},
				{Op: naming.Delete, Addr: b.Addr()},
			} {
				w.send(t, addWith(b.Addr(), fresh()))
				w.send(t, addWith(b.Addr(), fresh()))
				w.send(t) // by now the batch before has been folded
				counter.reach(t, 1)
				call(t, conn)
				if n := counter.total.Load(); n != int32(i)+1 {
					t.Fatalf("%d connections were made, want %d", n, i+1)
				}
				w.send(t, gone)
				counter.reach(t, 0)
			}
		})
	}
}

// What etcd users stored is a whole Update.
func TestShapeUpdateFromJSON(t *testing.T) {
	b, counter, w, conn := pool(t)
	stored := func(text string) *naming.Update {
		t.Helper()
		u := &naming.Update{}
		if err := json.Unmarshal([]byte(text), u); err != nil {
			t.Fatal(err)
		}
		return u
	}
	added := `{"Op": 0, "Addr": "` + b.Addr() + `", "Metadata": {"id": 1}}`
	w.send(t, stored(added), stored(added))
	counter.reach(t, 1)
	call(t, conn)
	w.send(t, stored(`{"Op": 0, "Addr": "`+b.Addr()+`", "Metadata": null}`))
	counter.reach(t, 2)
	w.send(t, stored(`{"Op": 1, "Addr": "`+b.Addr()+`", "Metadata": {"id": 1}}`))
	counter.reach(t, 1)
	call(t, conn)
	w.send(t, stored(`{"Op": 1, "Addr": "`+b.Addr()+`"}`))
	counter.reach(t, 0)
}
