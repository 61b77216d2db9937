// Package base is google.golang.org/grpc/balancer/base as grpc-go v1.10 to v1.29 had
// it, on today's grpc-go: a policy that connects to every address and leaves the choice
// among those that are ready to a picker.
//
// # Migration
//
// Change imports, and nothing else:
//
//	import "google.golang.org/grpc/balancer/base"                         // before
//	import "github.com/grpcnaming/grpcnaming/adapter/balancer/base"       // after
//
// and google.golang.org/grpc/balancer likewise.
//
// Addresses are the same if they are equal, their Metadata included: two with one Addr
// and different Metadata have a connection each, as in v1.29.1, where today's base has
// one for both.
//
// Deprecated: in new code use google.golang.org/grpc/balancer/base. This package keeps
// old code running.
package base
