package consulnaming

import (
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
