// Package naming is for dependencies that import google.golang.org/grpc/naming
// and cannot be edited. Its module has that path; a replace directive in your go.mod
// leads to it. All of it is aliases, so that the dependencies' types are those of
// github.com/grpcnaming/grpcnaming/naming, which package adapter takes.
//
// Deprecated: code that can be edited imports
// github.com/grpcnaming/grpcnaming/naming. go fix -inline takes it there.
package naming

import (
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Operation.
//
//go:fix inline
type Operation = naming.Operation

const (
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Add.
	//
	//go:fix inline
	Add = naming.Add
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Delete.
	//
	//go:fix inline
	Delete = naming.Delete
)

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Update.
//
//go:fix inline
type Update = naming.Update

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Resolver.
//
//go:fix inline
type Resolver = naming.Resolver

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Watcher.
//
//go:fix inline
type Watcher = naming.Watcher

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.AddressType.
//
//go:fix inline
type AddressType = naming.AddressType

const (
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.Backend.
	//
	//go:fix inline
	Backend = naming.Backend
	// Deprecated: use github.com/grpcnaming/grpcnaming/naming.GRPCLB.
	//
	//go:fix inline
	GRPCLB = naming.GRPCLB
)

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.AddrMetadataGRPCLB.
//
//go:fix inline
type AddrMetadataGRPCLB = naming.AddrMetadataGRPCLB

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.NewDNSResolver.
//
//go:fix inline
func NewDNSResolver() (Resolver, error) { return naming.NewDNSResolver() }

// Deprecated: use github.com/grpcnaming/grpcnaming/naming.NewDNSResolverWithFreq.
//
//go:fix inline
func NewDNSResolverWithFreq(freq time.Duration) (Resolver, error) {
	return naming.NewDNSResolverWithFreq(freq)
}
