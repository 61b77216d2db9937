// Package migrate rewrites Go code that was written against grpc-go v1.29 or
// older so that it compiles on today's grpc-go with this module's naming and
// adapter packages.
//
// The code need not compile, nor be in a module, nor need what it imports be at
// hand. So types are known only as far as the package itself and the old API of
// grpc-go give them, which legacyapi.txtar declares: it is enough to tell a
// resolver.Target from another x with an Endpoint, however it came there. To load
// all that is imported, as go/packages does, would need a go.mod, a network and
// code that compiles, and would say the same about nearly every place. All else
// goes by syntax.
//
// Every rewrite is a list of byte ranges taken from positions in the syntax
// tree, so that what it does not touch, comments and line endings included,
// stays byte for byte. Only a file that gofmt would have left alone is
// formatted again.
//
// What cannot be rewritten so becomes a [Report].
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
	balancerPath     = grpcPath + "/balancer"
	basePath         = balancerPath + "/base"
	resolverPath     = grpcPath + "/resolver"
	manualPath       = resolverPath + "/manual"
	attributesPath   = grpcPath + "/attributes"
	credentialsPath  = grpcPath + "/credentials"
	metadataPath     = grpcPath + "/metadata"

	draftBalancerPath = adapterPath + "/balancer"
	draftBasePath     = draftBalancerPath + "/base"
)

// Options change what is rewritten.
type Options struct {
	// KeepIdle leaves out the grpc.WithIdleTimeout(0) that is otherwise put
	// beside WithBalancer.
	KeepIdle bool
}
