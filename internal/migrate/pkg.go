package migrate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"maps"
	"slices"
)

// A pkg is what the files of a package are together: the names that an import
// must not take, how functions take arguments, and types as far as the old API
// gives them.
type pkg struct {
	fset  *token.FileSet
	files map[string]*file
	names map[string]bool
	// funcs has for a function or method the parameter lists of all that
	// bear its name.
	funcs, methods map[string][]*ast.FieldList

	info  *types.Info // nil if types do not matter
	draft draftUse
}

func newPkg() *pkg {
	return &pkg{fset: token.NewFileSet(), files: make(map[string]*file), names: make(map[string]bool),
		funcs: make(map[string][]*ast.FieldList), methods: make(map[string][]*ast.FieldList)}
}

// parse parses a file without taking it in.
func (p *pkg) parse(name string, src []byte) (*ast.File, error) {
	// Objects are resolved: an identifier without one is a package, or is
	// declared in another file.
	return parser.ParseFile(p.fset, name, src, parser.ParseComments)
}

func (p *pkg) add(name string, src []byte, tree *ast.File) {
	p.files[name] = newFile(p, name, src, tree)
	for _, d := range tree.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv != nil {
				p.methods[d.Name.Name] = append(p.methods[d.Name.Name], d.Type.Params)
				continue
			}
			p.names[d.Name.Name] = true
			p.funcs[d.Name.Name] = append(p.funcs[d.Name.Name], d.Type.Params)
		case *ast.GenDecl:
			for _, s := range d.Specs {
				switch s := s.(type) {
				case *ast.TypeSpec:
					p.names[s.Name.Name] = true
				case *ast.ValueSpec:
					for _, n := range s.Names {
						p.names[n.Name] = true
					}
				}
			}
		}
	}
}

// check finds types, if a file imports what has some that matter, and which
// balancer API the package is written against. All files have been added.
func (p *pkg) check() {
	var trees []*ast.File
	matters := false
	for _, name := range slices.Sorted(maps.Keys(p.files)) {
		f := p.files[name]
		trees = append(trees, f.tree)
		for _, i := range f.imports {
			old, _ := legacy().Import(i.path)
			matters = matters || old != nil && i.path != grpcPath && i.path != connectivityPath
		}
		for _, r := range f.refs {
			matters = matters || r.is(grpcPath, "ServiceConfig")
		}
	}
	if !matters {
		return
	}
	p.info = &types.Info{Types: make(map[ast.Expr]types.TypeAndValue), Defs: make(map[*ast.Ident]types.Object),
		Uses: make(map[*ast.Ident]types.Object), Selections: make(map[*ast.SelectorExpr]*types.Selection), Scopes: make(map[ast.Node]*types.Scope)}
	_, _ = lenient(legacy()).Check("p", p.fset, trees, p.info)
	for _, f := range p.files {
		p.draft.add(f)
	}
}

// concerned says whether the rewrites can have anything to do with a file.
func (p *pkg) concerned(f *file) bool { return p.info != nil || concerns(f.src) }

// variadicAt says whether every one of some functions takes any number of
// arguments at index i.
func variadicAt(funcs []*ast.FieldList, i int) bool {
	for _, params := range funcs {
		n := params.NumFields()
		if n == 0 || i < n-1 {
			return false
		}
		if _, ok := params.List[len(params.List)-1].Type.(*ast.Ellipsis); !ok {
			return false
		}
	}
	return len(funcs) > 0
}
