// Package register makes grpc resolve targets of the scheme "consul" with
// [consulnaming.NewBuilder], in all of the program, by being imported:
//
//	import _ "github.com/grpcnaming/grpcnaming/consulnaming/register"
//
//	conn, err := grpc.NewClient("consul:///service", ...)
//
// Instead, grpc.WithResolvers(consulnaming.NewBuilder()) does so for one ClientConn, and
// takes options.
package register

import (
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/consulnaming"
)

func init() { resolver.Register(consulnaming.NewBuilder()) }
