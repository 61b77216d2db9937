package consulnaming

import (
	"encoding/json"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/hashicorp/consul/api"
)

// FuzzThin holds the thinned answer against the whole one, both decoded as package
// api does it: the same instances, and no error but where there is one of the whole
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
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var whole, thinned []*api.ServiceEntry
		wholeErr := json.NewDecoder(strings.NewReader(text)).Decode(&whole)
		body := newThin(io.NopCloser(iotest.OneByteReader(strings.NewReader(text))))
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
			if json.NewDecoder(newThin(io.NopCloser(strings.NewReader(cut)))).Decode(&got) == nil {
				t.Fatalf("%q: no error though its end is missing", cut)
			}
		}
		if (whole == nil) != (thinned == nil) || len(whole) != len(thinned) {
			t.Fatalf("%q: %d and %d instances", text, len(whole), len(thinned))
		}
		for i, e := range whole {
			if got, want := plainOf(thinned[i]), plainOf(e); !reflect.DeepEqual(got, want) {
				t.Fatalf("%q: %v, want %v", text, got, want)
			}
		}
	})
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
