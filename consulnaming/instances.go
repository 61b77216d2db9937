package consulnaming

// An answer of Consul as a list of addresses. The goroutine of the loop calls it, or
// that of a follower that has an AddressFunc or MetadataFunc. It keeps nothing.

import (
	"fmt"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/attributes"
)

// instance is one address of a service. Lists of instances are sorted by addr,
// and have each addr once.
type instance struct {
	addr       string
	metadata   interface{}
	attributes *attributes.Attributes // with an Instance, in the native view
}

// same says that two lists of the native view are equal.
func same(a, b []instance) bool {
	return slices.EqualFunc(a, b, func(a, b instance) bool {
		return a.addr == b.addr && attributeOf(a.attributes).Equal(attributeOf(b.attributes))
	})
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

// skipped has the instances that are left out, by ID, and why.
type skipped map[string]string

const (
	shownInstances = 5   // of those that are left out, per answer
	shownLength    = 128 // bytes of each one's ID, and of why
)

// replace makes left the new content of s. It returns, in one line, what is new in
// it, or "".
func (s *skipped) replace(left skipped) (news string) {
	var ids []string
	for id, why := range left {
		if (*s)[id] != why {
			ids = append(ids, id)
		}
	}
	*s = left
	slices.Sort(ids)
	var parts []string
	for _, id := range ids[:min(len(ids), shownInstances)] {
		parts = append(parts, fmt.Sprintf("instance %q is left out: %s", cut(id, shownLength), cut(oneLine(left[id]), shownLength)))
	}
	if more := len(ids) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, "; ")
}

// instances makes the list of an answer, none of whose entries is incomplete.
func (v *view) instances(entries []*api.ServiceEntry) (list []instance, left skipped) {
	type found struct {
		addr  string
		entry *api.ServiceEntry
	}
	all := make([]found, 0, len(entries))
	var addressPanic, metadataPanic sync.Once // one stack is logged, not one per entry
	for _, e := range entries {
		addr, err := v.addressOf(e, &addressPanic)
		if err != nil {
			if left == nil {
				left = make(skipped)
			}
			left[id(e)] = err.Error()
			continue
		}
		all = append(all, found{addr, e})
	}
	// Of several entries with one address the first by ID counts, so that the
	// order of the answer does not decide about Metadata.
	slices.SortFunc(all, func(a, b found) int {
		if c := strings.Compare(a.addr, b.addr); c != 0 {
			return c
		}
		return strings.Compare(id(a.entry), id(b.entry))
	})
	all = slices.CompactFunc(all, func(a, b found) bool { return a.addr == b.addr })
	list = make([]instance, len(all))
	for i, f := range all {
		list[i] = instance{addr: f.addr, metadata: v.metadataOf(f.entry, &metadataPanic)}
		if v.native {
			list[i].attributes = attributesOf(f.entry)
		}
	}
	return list, left
}

// id is unique in a datacenter: service IDs are so per node.
func id(e *api.ServiceEntry) string { return e.Node.Node + "/" + e.Service.ID }

// addressOf logs the stack of a panic once.
func (v *view) addressOf(e *api.ServiceEntry, once *sync.Once) (addr string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the AddressFunc panicked: %v", p)
			once.Do(func() { logger.Errorf("%v\n%s", err, debug.Stack()) })
		}
	}()
	address := v.address
	if address == nil {
		address = serviceAddress
	}
	a := address(e)
	host := strings.TrimSuffix(strings.TrimPrefix(a.Address, "["), "]")
	switch {
	case host == "":
		return "", fmt.Errorf("neither the service nor its node has an address")
	case a.Port < 1 || a.Port > 65535:
		return "", fmt.Errorf("port %d is none", a.Port)
	case strings.ContainsAny(host, "[]"):
		return "", fmt.Errorf("%q is neither a host name nor an IP address", a.Address)
	case host == "unix":
		// Grpc takes "unix:80" for the Unix socket "80". A catalogue names hosts, and
		// a host may have that name.
		return fmt.Sprintf("[unix]:%d", a.Port), nil
	}
	return joinHostPort(host, a.Port), nil
}

// joinHostPort is net.JoinHostPort with one allocation.
func joinHostPort(host string, port int) string {
	var room [64]byte
	b := room[:0]
	if strings.Contains(host, ":") {
		b = append(append(append(b, '['), host...), ']')
	} else {
		b = append(b, host...)
	}
	return string(strconv.AppendInt(append(b, ':'), int64(port), 10))
}

// metadataOf logs a panic once.
func (v *view) metadataOf(e *api.ServiceEntry, once *sync.Once) (metadata interface{}) {
	if v.metadata == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			metadata = nil
			once.Do(func() {
				logger.Errorf("the MetadataFunc panicked for %q: %v\n%s", cut(id(e), shownLength), p, debug.Stack())
			})
		}
	}()
	return v.metadata(e)
}
