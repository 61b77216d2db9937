package consulnaming

import (
	"net"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"
)

// FuzzInstances holds what becomes of a catalogue's entries, whatever is in them:
// a sorted list that has each address once, each of a form that grpc dials over
// TCP; an instance that is not in it is named as left out; the order of the
// answer does not matter; and from one such list to the next diff leads.
func FuzzInstances(f *testing.F) {
	for _, seed := range []string{
		"",
		"n1|10.9.9.9|a|10.0.0.1|80",
		"n1|10.9.9.9|a||80\nn2||b||80\nn3|h|c|h|0\nn4|h|d|h|70000\nn5|h|e|h|-1",
		"n1|h|a|2001:db8::1|80\nn1|h|b|[2001:db8::1]|80\nn1|h|c|fe80::1%eth0|80\nn1|h|d|[|80\nn1|h|e|[]|80",
		"n1|h|b|h2|1\nn1|h|a|h2|1\nn1|h|a|h2|1\nn1|h|a|h1|1",
		"n1|h|a|a]b|80\nn1|h|b|[[::1]]|80\nn1|h|c|a[b|80",
		"n1|h|a|unix|80\nn1|h|b|unix:/tmp/x|80\nn1|h|c|unix:///tmp/x|80\nn1|h|d|unix-abstract:x|80\nn1|unix|e||80",
		"n1|h|a|passthrough:///evil|80\nn1|h|b|dns:///evil:443|80\nn1|h|c|a@b|80\nn1|h|d|h/x?y#z|80\nn1|h|e|evil:443|80",
		"n1|h|a|\x00\r\x1b|80\nn1|h|b| |80\nn1|h|c|\xff|80",
	} {
		f.Add(seed, "n1|h|a|h1|1\nn1|h|b|h2|1")
	}
	f.Fuzz(func(t *testing.T, before, after string) {
		defer logged.Drop()()
		from := checkInstances(t, entriesOf(before))
		to := checkInstances(t, entriesOf(after))
		checkDiff(t, from, to)
	})
}

// entriesOf reads lines of "node|its address|service ID|its address|port".
func entriesOf(text string) []*api.ServiceEntry {
	var entries []*api.ServiceEntry
	for line := range strings.Lines(text) {
		field := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		if len(field) != 5 {
			continue
		}
		port, _ := strconv.Atoi(field[4])
		entries = append(entries, &api.ServiceEntry{
			Node:    &api.Node{Node: field[0], Address: field[1]},
			Service: &api.AgentService{ID: field[2], Address: field[3], Port: port},
		})
	}
	return entries
}

func checkInstances(t *testing.T, entries []*api.ServiceEntry) []instance {
	t.Helper()
	o := newOptions([]Option{MetadataFunc(func(e *api.ServiceEntry) interface{} { return id(e) })})
	list, skipped := o.instances(slices.Clone(entries))
	for n, i := range list {
		if n > 0 && list[n-1].addr >= i.addr {
			t.Fatalf("%q is before %q", list[n-1].addr, i.addr)
		}
		host, port, err := net.SplitHostPort(i.addr)
		number, portErr := strconv.Atoi(port)
		if err != nil || host == "" || portErr != nil || number < 1 || number > 65535 || strconv.Itoa(number) != port {
			t.Fatalf("%q is no host:port (%v)", i.addr, err)
		}
		if strings.HasPrefix(i.addr, "unix:") {
			t.Fatalf("%q is a Unix socket for grpc", i.addr)
		}
	}
	used := make(map[interface{}]bool)
	for _, i := range list {
		used[i.metadata] = true
	}
	for _, e := range entries {
		host := e.Service.Address
		if host == "" {
			host = e.Node.Address
		}
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
		fit := host != "" && !strings.ContainsAny(host, "[]") && e.Service.Port >= 1 && e.Service.Port <= 65535
		there := slices.ContainsFunc(list, func(i instance) bool {
			h, p, _ := net.SplitHostPort(i.addr)
			return h == host && p == strconv.Itoa(e.Service.Port)
		})
		if why := skipped[id(e)]; fit != there || !fit && why == "" {
			t.Fatalf("%q port %d: in the list %v, want %v; left out because of %q", host, e.Service.Port, there, fit, why)
		}
	}
	slices.Reverse(entries)
	again, _ := o.instances(entries)
	if !slices.Equal(list, again) {
		t.Fatalf("%v becomes %v when the answer has another order", list, again)
	}
	return list
}
