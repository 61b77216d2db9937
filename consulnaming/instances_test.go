package consulnaming

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

func entry(id, address string, port int) *api.ServiceEntry {
	return &api.ServiceEntry{
		Node:    &api.Node{Node: "n1", Address: "10.9.9.9"},
		Service: &api.AgentService{ID: id, Address: address, Port: port},
	}
}

func addrs(list []instance) string {
	var s []string
	for _, i := range list {
		s = append(s, i.addr)
	}
	return strings.Join(s, " ")
}

func TestInstances(t *testing.T) {
	noAddress := entry("no-address", "", 80)
	noAddress.Node.Address = ""
	tests := map[string]struct {
		entries []*api.ServiceEntry
		want    string
		skipped string // the IDs
	}{
		"none":                                   {nil, "", ""},
		"an empty service address is the node's": {[]*api.ServiceEntry{entry("a", "", 80)}, "10.9.9.9:80", ""},
		"IPv6 is joined properly":                {[]*api.ServiceEntry{entry("a", "2001:db8::1", 80), entry("b", "[2001:db8::2]", 80), entry("c", "fe80::1%eth0", 80)}, "[2001:db8::1]:80 [2001:db8::2]:80 [fe80::1%eth0]:80", ""},
		"port 0 or out of range is left out":     {[]*api.ServiceEntry{entry("a", "h", 0), entry("b", "h", 65536), entry("c", "h", -1), entry("d", "h", 65535), entry("e", "h", 1)}, "h:1 h:65535", "n1/a n1/b n1/c"},
		"no address at all is left out":          {[]*api.ServiceEntry{noAddress}, "", "n1/no-address"},
		"brackets inside are left out":           {[]*api.ServiceEntry{entry("a", "a]b", 80), entry("b", "[[::1]]", 80), entry("c", "h", 80)}, "h:80", "n1/a n1/b"},
		"a host named unix is no Unix socket":    {[]*api.ServiceEntry{entry("a", "unix", 80), entry("b", "unix:/tmp/x", 80)}, "[unix:/tmp/x]:80 [unix]:80", ""},
		"duplicates are one, and sorted":         {[]*api.ServiceEntry{entry("b", "h2", 1), entry("a", "h1", 1), entry("c", "h2", 1)}, "h1:1 h2:1", ""},
	}
	for name, test := range tests {
		o := newOptions(nil)
		list, skipped := o.instances(test.entries)
		if got := addrs(list); got != test.want {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
		if got := strings.Join(slices.Sorted(maps.Keys(skipped)), " "); got != test.skipped {
			t.Errorf("%s: left out %q, want %q", name, got, test.skipped)
		}
	}
}

func TestAddressFunc(t *testing.T) {
	wan := entry("a", "10.0.0.1", 80)
	wan.Service.TaggedAddresses = map[string]api.ServiceAddress{"wan": {Address: "198.51.100.1", Port: 8080}}
	o := newOptions([]Option{AddressFunc(nil), AddressFunc(func(e *api.ServiceEntry) api.ServiceAddress {
		if e.Service.ID == "c" {
			panic("c")
		}
		return e.Service.TaggedAddresses["wan"]
	})})
	list, skipped := o.instances([]*api.ServiceEntry{wan, entry("b", "10.0.0.2", 80), entry("c", "10.0.0.3", 80)})
	if got := addrs(list); got != "198.51.100.1:8080" {
		t.Errorf("addresses %q", got)
	}
	if len(skipped) != 2 || !strings.Contains(skipped["n1/c"], "panicked") {
		t.Errorf("left out %v, want b and c, which panics", skipped)
	}
}

func TestMetadataFunc(t *testing.T) {
	o := newOptions([]Option{MetadataFunc(func(e *api.ServiceEntry) interface{} {
		if e.Service.ID == "z" {
			panic("z")
		}
		return e.Service.ID
	})})
	entries := []*api.ServiceEntry{entry("b", "h", 1), entry("a", "h", 1), entry("z", "i", 1)}
	for range 2 { // whichever order the answer has
		slices.Reverse(entries)
		list, _ := o.instances(entries)
		if len(list) != 2 || list[0].metadata != "a" || list[1].metadata != nil {
			t.Errorf("instances %v, want the first ID's metadata, and nil where the function panics", list)
		}
	}
}

// Whatever a catalogue says, and however much of it, is one line of the log per
// answer, and none about what was so before.
func TestLeftOutIsOneLine(t *testing.T) {
	endless := strings.Repeat("x", 1<<20)
	many := make(skipped)
	for i := range 10_000 {
		many[fmt.Sprintf("n1/%04d%s", i, endless[:1000])] = "port 0 is none"
	}
	some := maps.Clone(many)
	some["n1/a\nERROR: forged"] = "panicked:\n" + endless
	two := skipped{"n1/b": "port 0 is none", "n1/c": "port 70000 is none"}
	var s skipped
	for _, test := range []struct {
		name string
		left skipped
		want []string // in the line; none if there is none
	}{
		{"many", many, []string{`"n1/0000xxx`, `..." is left out: port 0 is none`, "; and 9995 more"}},
		{"the same", maps.Clone(many), nil},
		{"another", some, []string{`instance "n1/a\nERROR: forged" is left out: panicked: xxx`, "xxx..."}},
		{"less", two, []string{`instance "n1/b" is left out: port 0 is none; instance "n1/c" is left out: port 70000 is none`}},
		{"none", nil, nil},
		{"again", two, []string{`"n1/b"`, `"n1/c"`}},
		{"for another reason", skipped{"n1/b": "port 0 is none", "n1/c": "port 0 is none"}, []string{`instance "n1/c" is left out: port 0 is none`}},
	} {
		text := s.replace(test.left)
		if strings.Contains(text, "\n") || (text == "") != (test.want == nil) || len(text) > 4<<10 {
			t.Errorf("%s: %d bytes: %.200q", test.name, len(text), text)
		}
		for _, want := range test.want {
			if !strings.Contains(text, want) {
				t.Errorf("%s: %.200q, want %q in it", test.name, text, want)
			}
		}
	}
}

// Nor is it a line for each of the watchers that share a query, whatever they make
// of its answer.
func TestWatchersWarnOnce(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "good", "10.0.0.1", 80)
	register(t, s, "svc", "bad", "10.0.0.2", 0)
	log := logged.Mark()
	client := s.Client()
	var got []<-chan string
	for range 10 {
		w := watching(t, New(client, "svc", KeepLastKnown(), MetadataFunc(func(*api.ServiceEntry) interface{} { return nil })))
		expect(t, w, "+10.0.0.1:80")
		got = append(got, nextLater(w))
	}
	deregister(t, s, "svc", "good")
	eventually(t, "it is said that instances are kept", func() bool { return strings.Contains(log(), "the last 1 are kept") })
	register(t, s, "svc", "better", "10.0.0.3", 80)
	for _, g := range got {
		expectLater(t, g, "-10.0.0.1:80 +10.0.0.3:80")
	}
	for _, what := range []string{"port 0 is none", "the last 1 are kept"} {
		if n := strings.Count(log(), what); n != 1 {
			t.Errorf("%d lines of the log with %q, want one", n, what)
		}
	}
}

// A user's function that panics for every instance does so in the log once per
// answer.
func TestPanicsAreLoggedOnce(t *testing.T) {
	o := newOptions([]Option{
		AddressFunc(func(e *api.ServiceEntry) api.ServiceAddress {
			if e.Service.Port == 0 {
				panic("no port")
			}
			return api.ServiceAddress{Address: e.Service.Address, Port: e.Service.Port}
		}),
		MetadataFunc(func(e *api.ServiceEntry) interface{} { panic("no metadata") }),
	})
	var entries []*api.ServiceEntry
	for port := range 100 {
		entries = append(entries, entry(fmt.Sprint("\n", port), "h", port%50))
	}
	log := logged.Mark()
	o.instances(entries)
	text := log()
	for _, what := range []string{"AddressFunc panicked: no port", `MetadataFunc panicked for "n1/\n1": no metadata`} {
		if n := strings.Count(text, what); n != 1 {
			t.Errorf("%q is %d times in the log, want once", what, n)
		}
	}
}
