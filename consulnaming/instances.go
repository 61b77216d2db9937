package consulnaming

import (
	"cmp"
	"fmt"
	"net"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"
)

// instance is one address of a service. Lists of instances are sorted by addr,
// and have each addr once.
type instance struct {
	addr     string
	metadata interface{}
}

// serviceAddress is where an instance is reached according to
// https://developer.hashicorp.com/consul/api-docs/health: an empty service
// address means the node's. The article dialled ":port" then.
func serviceAddress(e *api.ServiceEntry) api.ServiceAddress {
	a := api.ServiceAddress{Address: e.Service.Address, Port: e.Service.Port}
	if a.Address == "" {
		a.Address = e.Node.Address
	}
	return a
}

// instances makes the list of an answer, none of whose entries is incomplete. skipped names the entries that are of
// no use and why, by their ID.
func (o *options) instances(entries []*api.ServiceEntry) (list []instance, skipped map[string]string) {
	type found struct {
		addr  string
		entry *api.ServiceEntry
	}
	all := make([]found, 0, len(entries))
	for _, e := range entries {
		addr, err := o.addressOf(e)
		if err != nil {
			if skipped == nil {
				skipped = make(map[string]string)
			}
			skipped[id(e)] = err.Error()
			continue
		}
		all = append(all, found{addr, e})
	}
	// Of several entries with one address the first by ID counts, so that the
	// order of the answer does not decide about Metadata.
	slices.SortFunc(all, func(a, b found) int {
		if c := cmp.Compare(a.addr, b.addr); c != 0 {
			return c
		}
		return cmp.Compare(id(a.entry), id(b.entry))
	})
	all = slices.CompactFunc(all, func(a, b found) bool { return a.addr == b.addr })
	list = make([]instance, len(all))
	for i, f := range all {
		list[i] = instance{addr: f.addr, metadata: o.metadataOf(f.entry)}
	}
	return list, skipped
}

// id is unique in a datacenter: service IDs are so per node.
func id(e *api.ServiceEntry) string { return e.Node.Node + "/" + e.Service.ID }

func (o *options) addressOf(e *api.ServiceEntry) (addr string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the AddressFunc panicked: %v", p)
			logger.Errorf("%v\n%s", err, debug.Stack())
		}
	}()
	a := o.address(e)
	host := strings.TrimSuffix(strings.TrimPrefix(a.Address, "["), "]")
	switch {
	case host == "":
		return "", fmt.Errorf("neither the service nor its node has an address")
	case a.Port < 1 || a.Port > 65535:
		return "", fmt.Errorf("port %d is none", a.Port)
	case strings.ContainsAny(host, "[]"):
		return "", fmt.Errorf("%q is neither a host name nor an IP address", a.Address)
	case host == "unix":
		// Grpc takes "unix:80" for the Unix socket "80"; a catalogue names
		// hosts, and this may be one.
		return fmt.Sprintf("[unix]:%d", a.Port), nil
	}
	return net.JoinHostPort(host, strconv.Itoa(a.Port)), nil
}

func (o *options) metadataOf(e *api.ServiceEntry) (metadata interface{}) {
	if o.metadata == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			metadata = nil
			logger.Errorf("the MetadataFunc panicked for %s: %v\n%s", id(e), p, debug.Stack())
		}
	}()
	return o.metadata(e)
}
