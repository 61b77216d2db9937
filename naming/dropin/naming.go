// Package naming is for dependencies that import google.golang.org/grpc/naming
// and cannot be edited. Its module has that path; a replace directive in your go.mod
// leads to it. All of it is aliases, so that the dependencies' types are those of
// github.com/grpcnaming/grpcnaming/naming, which package adapter takes.
//
// Deprecated: code that can be edited imports
// github.com/grpcnaming/grpcnaming/naming.
package naming

import (
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Operation.
type Operation = naming.Operation

const (
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Add.
	Add = naming.Add
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Delete.
	Delete = naming.Delete
)

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Update.
type Update = naming.Update

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Resolver.
type Resolver = naming.Resolver

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Watcher.
type Watcher = naming.Watcher

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.AddressType.
type AddressType = naming.AddressType

const (
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Backend.
	Backend = naming.Backend
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.GRPCLB.
	GRPCLB = naming.GRPCLB
)

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.AddrMetadataGRPCLB.
type AddrMetadataGRPCLB = naming.AddrMetadataGRPCLB

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.NewDNSResolver.
func NewDNSResolver() (Resolver, error) { return naming.NewDNSResolver() }

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.NewDNSResolverWithFreq.
func NewDNSResolverWithFreq(freq time.Duration) (Resolver, error) {
	return naming.NewDNSResolverWithFreq(freq)
}
