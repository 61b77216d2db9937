package modernize

import (
	"go/ast"
	"go/token"
	"strconv"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

const passthroughPath = resolverPath + "/passthrough"

// Passthrough takes out the import of a package that has nothing in it: grpc imports
// what it stood for.
var Passthrough = newAnalyzer("passthrough", "take out the import of resolver/passthrough", func(f *file) {
	all(f, func(decl *ast.GenDecl) {
		for _, s := range decl.Specs {
			spec, ok := s.(*ast.ImportSpec)
			if !ok {
				return
			}
			if path, err := strconv.Unquote(spec.Path.Value); err != nil || path != passthroughPath {
				continue
			}
			const deprecated = "package resolver/passthrough is deprecated"
			if f.imported(grpcPath) == nil || spec.Name == nil || spec.Name.Name != "_" {
				f.left(spec, deprecated, "leave it out: package grpc imports what it had")
				continue
			}
			gone := ast.Node(decl)
			if len(decl.Specs) > 1 {
				gone = spec
			}
			cut, _ := edit.Cut(f.src, f.offset(gone.Pos()), f.offset(gone.End()), token.SEMICOLON)
			f.rewrite(spec, deprecated+": package grpc imports what it had", f.positioned(cut)...)
		}
	})
})
