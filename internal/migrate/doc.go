// Package migrate rewrites Go code that was written against grpc-go v1.29 or
// older so that it compiles on today's grpc-go with this module's naming and
// adapter packages.
//
// It is driven by syntax: the code need not type-check, nor be in a module.
// Every rewrite is a list of byte ranges taken from positions in the syntax
// tree, so that what it does not touch, comments and line endings included,
// stays byte for byte. Only a file that gofmt would have left alone is
// formatted again.
//
// What cannot be rewritten by syntax alone becomes a [Report].
package migrate

// The paths that are rewritten, and what they become.
const (
	Module = "github.com/grpcnaming/grpcnaming"

	// Removed is the package that grpc-go has no more and a module of ours is
	// put in the place of.
	Removed = grpcNamingPath

	namingPath  = Module + "/naming"
	adapterPath = Module + "/adapter"

	grpcPath         = "google.golang.org/grpc"
	grpcNamingPath   = grpcPath + "/naming"
	connectivityPath = grpcPath + "/connectivity"
)

// Options change what is rewritten.
type Options struct {
	// KeepIdle leaves out the grpc.WithIdleTimeout(0) that is otherwise put
	// beside WithBalancer.
	KeepIdle bool
}
