package balancer

import (
	"strings"

	"google.golang.org/grpc/balancer"
)

// Register makes a policy known to grpc, under its name and its name in lower case:
// today's grpc tells them apart. Of two policies with one name the later counts. It
// is to be called by init functions only.
//
// Deprecated: use Register of google.golang.org/grpc/balancer.
func Register(b Builder) {
	name := b.Name()
	register(name, b)
	if lower := strings.ToLower(name); lower != name {
		register(lower, b)
	}
}

func register(name string, b Builder) {
	bridge := bridge{name: name, old: b}
	if p, ok := b.(ConfigParser); ok {
		balancer.Register(parsingBridge{bridge, p})
		return
	}
	balancer.Register(bridge)
}

// parsingBridge is the bridge of a Builder that is a ConfigParser. Grpc tells the
// two apart.
type parsingBridge struct {
	bridge
	ConfigParser
}

// Get finds a policy by its name, in upper or lower case, or returns nil. That of an
// old Builder is what Register was given. One of today's grpc becomes an old Builder,
// whose Balancers are [V2Balancer] too.
//
// Deprecated: use Get of google.golang.org/grpc/balancer.
func Get(name string) Builder {
	b := balancer.Get(strings.ToLower(name))
	if b == nil {
		b = balancer.Get(name)
	}
	switch b := b.(type) {
	case nil:
		return nil
	case interface{ unbridged() Builder }:
		return b.unbridged()
	case ConfigParser:
		return parsingBuilder{todayBuilder{b.(balancer.Builder)}, b}
	}
	return todayBuilder{b}
}

func (b bridge) unbridged() Builder { return b.old }
