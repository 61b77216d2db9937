package consulnaming

import (
	"encoding/json"
	"io"
	"reflect"
	"runtime/debug"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hashicorp/consul/api"
)

// FuzzThin holds the answer as each view has it thinned against the whole one, both
// decoded as package api does it: the same instances, and no error but where there is one of the whole
// answer, too. One that is cut is an error of both. An error in a member that nobody
// reads may be one of the whole answer alone.
func FuzzThin(f *testing.F) {
	const entry = `{"Node":{"ID":"x","Node":"n1","Address":"10.0.0.9","Meta":{"a":"}"}},"Service":{"ID":"web-1","Service":"web","Tags":["a","b\\\"]"],"Address":"10.0.0.1","Port":80,"Weights":{"Passing":1,"Warning":1}},"Checks":[{"Node":"n1","Status":"passing","Output":"\\u00e9\\\\"}]}`
	for _, seed := range []string{
		"", " ", "null", "[]", "[ ]", "[null]", "{}", `"x"`, "1", "[1,2]", "[[]]", "[{}]", "[" + entry + "]", "[" + entry + "," + entry + "]\n",
		"[" + entry + " " + entry + "]", "[" + entry + ",]", "[" + entry[:len(entry)-1] + "]", "[" + entry, entry, "[" + entry + "] [",
		`[{"node":{"NODE":"a"},"\u0053ervice":{"Port":1},"Service":{"ID":"b"},"ſervice":{"Address":"c"}}]`,
		`[{"Checks":[tru],"Node":{}}]`, `[{"Checks":1 2}]`, `[{"Checks" 1}]`, `[{"Checks":1,}]`, `[{"Node":{"Node":"a" "b"}}]`, `[{1:2}]`, `[{"a":"\x01"}]`,
		`[{"Service":"x"}]`, `[{"Service":{"Port":"80"}}]`, `[{"Service":{"Port":8e1}}]`, `[{"Node":null,"Service":null}]`, `[{"Checks":-}]`, `[{"Checks":}]`,
		`[{"Checks":[]}]`, `[{"Checks":[ ] }]`, `[{"Checks":null}]`, `[{"Checks":[null,{"Status":"warning"} , {"CheckID":"_node_maintenance","Output":"]"}]}]`, `[{"Checks":[{"Status":"a"} {"Status":"b"}]}]`,
		`[{"Checks":[{"Status":"warning"}, {"CheckID":"_node_maintenance","Output":"]","Status":"critical"}]}]`,
		`[{"Checks":[{"Status":"a"},]}]`, `[{"Checks":[{"Status":"a"}`, `[{"Checks":[[{"Status":"a"}]]}]`, `[{"Node":[{"Node":"a"}]}]`, `[{"Checks":[{"CheckID":"a"}],"checks":[{"Status":"b"}]}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		checkThin(t, text, plainMembers, plainOf)
		checkThin(t, text, nativeMembers, nativeOf)
		checkThin(t, text, checkedMembers, checkedOf)
	})
}

func checkThin[T any](t *testing.T, text string, of members, needed func(*api.ServiceEntry) T) {
	t.Helper()
	var whole, thinned []*api.ServiceEntry
	wholeErr := json.NewDecoder(strings.NewReader(text)).Decode(&whole)
	body := newThin(io.NopCloser(iotest.OneByteReader(strings.NewReader(text))), of)
	thinErr := json.NewDecoder(body).Decode(&thinned)
	if wholeErr == nil && thinErr != nil {
		t.Fatalf("%q: the thinned answer: %v", text, thinErr)
	}
	if wholeErr != nil {
		return
	}
	list := strings.TrimSpace(text)
	if cut := list[:max(0, len(list)-1)]; strings.HasSuffix(list, "]") && json.Valid([]byte(list)) {
		var got []*api.ServiceEntry
		if json.NewDecoder(newThin(io.NopCloser(strings.NewReader(cut)), of)).Decode(&got) == nil {
			t.Fatalf("%q: no error though its end is missing", cut)
		}
	}
	if (whole == nil) != (thinned == nil) || len(whole) != len(thinned) {
		t.Fatalf("%q: %d and %d instances", text, len(whole), len(thinned))
	}
	for i, e := range whole {
		if got, want := needed(thinned[i]), needed(e); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %v, want %v", text, got, want)
		}
	}
}

// plainOf has of an entry what the plain view looks at.
func plainOf(e *api.ServiceEntry) (p struct{ Node, Service any }) {
	switch {
	case e == nil:
		return p
	case e.Node != nil:
		p.Node = [2]string{e.Node.Node, e.Node.Address}
	}
	if s := e.Service; s != nil {
		p.Service = []any{s.ID, s.Address, s.Port}
	}
	return p
}

// nativeOf has what the native view looks at if all of the instances pass.
func nativeOf(e *api.ServiceEntry) (n struct{ Plain, Node, Service any }) {
	n.Plain = plainOf(e)
	if e != nil && e.Node != nil {
		n.Node = []any{e.Node.Datacenter, e.Node.Meta}
	}
	if e != nil && e.Service != nil {
		n.Service = []any{e.Service.Tags, e.Service.Meta, e.Service.Weights}
	}
	return n
}

// checkedOf has what it looks at otherwise.
func checkedOf(e *api.ServiceEntry) (c struct{ Native, Status any }) {
	c.Native = nativeOf(e)
	if e != nil {
		c.Status = worstStatus(e)
	}
	return c
}

// A list in a list, and so on, is no deeper for us than for package api.
func TestDeepAnswer(t *testing.T) {
	defer debug.SetMaxStack(debug.SetMaxStack(8 << 20)) // with more, the process ends
	deep := `[{"Checks":` + strings.Repeat("[", 500_000)
	var entries []*api.ServiceEntry
	if json.NewDecoder(newThin(io.NopCloser(strings.NewReader(deep)), checkedMembers)).Decode(&entries) == nil {
		t.Error("no error")
	}
}
