// Package naming is the API of google.golang.org/grpc/naming as of grpc-go
// v1.29.1, the last release that had it: the same identifiers, field order,
// underlying types and JSON form.
//
// Code that imported the removed package compiles again when its import path
// is changed to this one. Package adapter runs a [Resolver] on a present-day
// grpc.ClientConn.
//
// Deprecated: new code implements google.golang.org/grpc/resolver.
package naming

// Operation says what an [Update] does to the set of addresses. Its values are
// part of stored data (etcd users keep an Update as JSON) and stay as they
// were; a resolver may define more of them for its own use.
//
// Deprecated: a google.golang.org/grpc/resolver.State carries the full list.
type Operation uint8

const (
	// Add adds an address.
	Add Operation = iota
	// Delete removes an address.
	Delete
)

// Update is one change to the set of addresses of a target. The field order
// and the absence of JSON tags are part of the contract with stored data.
//
// Deprecated: use google.golang.org/grpc/resolver.Address.
type Update struct {
	// Op says whether the address comes or goes.
	Op Operation
	// Addr is the address, as the dialer takes it: usually "host:port".
	Addr string
	// Metadata travels with the address to the balancer; nil when there is
	// none. An address is known by Addr and Metadata together.
	Metadata interface{}
}

// Resolver starts watching a target.
//
// Deprecated: use google.golang.org/grpc/resolver.Builder.
type Resolver interface {
	// Resolve returns a Watcher for target, or an error when target cannot be
	// watched at all. The caller closes the Watcher.
	Resolve(target string) (Watcher, error)
}

// Watcher delivers the changes to one target.
//
// Deprecated: use google.golang.org/grpc/resolver.Resolver.
type Watcher interface {
	// Next blocks until there are changes and returns them; the first call
	// returns the full set. An error means that this Watcher cannot go on.
	// One goroutine at a time calls Next.
	Next() ([]*Update, error)
	// Close ends the watch; a Next that is blocked returns. It may be called
	// while Next is running.
	Close()
}
