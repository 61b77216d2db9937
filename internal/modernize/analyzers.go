package modernize

import (
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
}

const (
	grpcPath         = "google.golang.org/grpc"
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
		Run: func(pass *analysis.Pass) (any, error) {
			return nil, eachFile(pass, run)
		},
	}
}
