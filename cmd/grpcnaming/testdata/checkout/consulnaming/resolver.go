// Package consulnaming stands in for the package of that path.
package consulnaming

import "github.com/grpcnaming/grpcnaming/naming"

func NewConsulResolver(address, service string) naming.Resolver { return nil }
