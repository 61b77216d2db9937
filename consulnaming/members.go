package consulnaming

// Which members of an answer's instances are decoded. They do not change.

import (
	"bytes"
	"strings"
)

// members are those of a JSON object that are handed on: whole if nothing is behind
// the name, or else those of the object behind it, or of each object in the list behind it.
type members map[string]members

// These are the members of an api.ServiceEntry that the two views look at: the native
// one looks at checks too, unless the agent has been asked for passing instances.
var (
	plainMembers = members{
		"Node":    {"Node": nil, "Address": nil},
		"Service": {"ID": nil, "Address": nil, "Port": nil},
	}
	nativeMembers = members{
		"Node":    {"Node": nil, "Address": nil, "Datacenter": nil, "Meta": nil},
		"Service": {"ID": nil, "Address": nil, "Port": nil, "Tags": nil, "Meta": nil, "Weights": nil},
	}
	checkedMembers = members{
		"Node":    nativeMembers["Node"],
		"Service": nativeMembers["Service"],
		"Checks":  {"CheckID": nil, "Status": nil},
	}
)

// members are those that a query needs, nil if it needs all.
func (q *query) members() members {
	switch {
	case q.entries:
		return nil
	case !q.view.native:
		return plainMembers
	case q.asked.health == Passing:
		return nativeMembers
	}
	return checkedMembers
}

// find compares names as encoding/json does. One with an escape in it may be any.
func (m members) find(name []byte) (inner members, ok bool) {
	for n, inner := range m {
		if strings.EqualFold(string(name), n) {
			return inner, true
		}
	}
	return nil, bytes.IndexByte(name, '\\') >= 0
}
