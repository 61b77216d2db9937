package modernize

import (
	"reflect"
	"slices"

	"golang.org/x/tools/go/analysis"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// Categories of diagnostics. One that has none is a rewrite that leaves behaviour as
// it is.
const (
	Changes = "changes" // a rewrite that changes what the message names
	Left    = "left"    // no rewrite: the message says what to write
)

// Analyzers has one analyzer per rewrite.
var Analyzers = []*analysis.Analyzer{
	Insecure,
	Status,
	RoundRobin,
	NewClient,
	Consul,
	FailFast,
	MaxMsgSize,
	Codec,
	Backoff,
	Dialer,
	Compressor,
	NewAddress,
	Shutdown,
	Unwrap,
	Renamed,
	Passthrough,
	Deprecated,
	BalancerName,
	Implementations,
}

const (
	grpcPath         = "google.golang.org/grpc"
	balancerPath     = grpcPath + "/balancer"
	metadataPath     = grpcPath + "/metadata"
	resolverPath     = grpcPath + "/resolver"
	adapterPath      = migrate.Module + "/adapter"
	consulnamingPath = migrate.Module + "/consulnaming"
	namingPath       = migrate.Module + "/naming"
)

// newAnalyzer makes an analyzer of what is to be done with one file. Broken packages
// are looked at as well: between two rewrites an import may be unused.
func newAnalyzer(name, doc string, run func(*file)) *analysis.Analyzer {
	return &analysis.Analyzer{
		Name:             name,
		Doc:              doc,
		RunDespiteErrors: true,
		Requires:         []*analysis.Analyzer{elsewhere},
		Run: func(pass *analysis.Pass) (any, error) {
			return nil, eachFile(pass, run)
		},
	}
}

// elsewhere results in the names of package grpc that the whole program uses: what is
// not among them can be in no list of options that an analyzer does not see. go vet
// shows it one package, and so it knows nothing there. Run knows.
var elsewhere = &analysis.Analyzer{
	Name:             "elsewhere",
	Doc:              "what the whole program uses of package grpc",
	RunDespiteErrors: true,
	ResultType:       reflect.TypeOf(map[string]bool(nil)),
	Run:              func(*analysis.Pass) (any, error) { return map[string]bool(nil), nil },
}

// nowhere says that no package of the program uses any of the names of package grpc.
func (f *file) nowhere(names ...string) bool {
	used, _ := f.pass.ResultOf[elsewhere].(map[string]bool)
	return used != nil && !slices.ContainsFunc(names, func(name string) bool { return used[name] })
}
