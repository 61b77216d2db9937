package naming

import (
	"maps"
	"slices"
)

// addrSet is the addresses of a target: "host:port" to the ServerName of the
// load balancer there, which is "" for a backend.
type addrSet map[string]string

// diff returns what turns old into new: deletes, then adds, each by Addr, so
// that equal changes always look equal. An address with another load balancer's
// name is another address. Every Update is made here and kept nowhere: grpc-go
// v1.29.1 kept them, and later wrote Delete into those it had handed out.
func diff(old, new addrSet) []*Update {
	return append(missing(Delete, old, new), missing(Add, new, old)...)
}

// missing returns op for everything that is in set and not in other.
func missing(op Operation, set, other addrSet) []*Update {
	var updates []*Update
	for _, addr := range slices.Sorted(maps.Keys(set)) {
		name := set[addr]
		if was, ok := other[addr]; ok && was == name {
			continue
		}
		u := &Update{Op: op, Addr: addr}
		if name != "" {
			u.Metadata = AddrMetadataGRPCLB{AddrType: GRPCLB, ServerName: name}
		}
		updates = append(updates, u)
	}
	return updates
}
