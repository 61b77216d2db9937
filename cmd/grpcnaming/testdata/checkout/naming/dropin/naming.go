// Package naming stands in for the package of that path.
package naming

import "github.com/grpcnaming/grpcnaming/naming"

type Operation = naming.Operation

const (
	Add    = naming.Add
	Delete = naming.Delete
)

type Update = naming.Update

type Resolver = naming.Resolver

type Watcher = naming.Watcher
