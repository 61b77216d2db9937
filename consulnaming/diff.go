package consulnaming

// The difference of two lists. Loops and watchers call it, on their own goroutines.

import (
	"reflect"

	"github.com/grpcnaming/grpcnaming/naming"
)

// diff returns the updates that lead from one list of instances to another:
// deletes first, then adds, each sorted by address, as few as possible. An
// address whose metadata changed is deleted and added.
func diff(from, to []instance) []*naming.Update {
	var deletes, adds []*naming.Update
	gone := func(i instance) {
		deletes = append(deletes, &naming.Update{Op: naming.Delete, Addr: i.addr, Metadata: i.metadata})
	}
	came := func(i instance) {
		adds = append(adds, &naming.Update{Op: naming.Add, Addr: i.addr, Metadata: i.metadata})
	}
	for len(from) > 0 && len(to) > 0 {
		switch {
		case from[0].addr < to[0].addr:
			gone(from[0])
			from = from[1:]
		case from[0].addr > to[0].addr:
			came(to[0])
			to = to[1:]
		default:
			if !reflect.DeepEqual(from[0].metadata, to[0].metadata) {
				gone(from[0])
				came(to[0])
			}
			from, to = from[1:], to[1:]
		}
	}
	for _, i := range from {
		gone(i)
	}
	for _, i := range to {
		came(i)
	}
	return append(deletes, adds...)
}
