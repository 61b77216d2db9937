package migrate

import "go/ast"

// A pkg is what the files of a package declare together, as far as syntax
// tells: a name that an import must not take, and how functions take arguments.
type pkg struct {
	names map[string]bool
	// funcs has for a function or method the parameter lists of all that
	// bear its name.
	funcs, methods map[string][]*ast.FieldList
}

func newPkg() *pkg {
	return &pkg{make(map[string]bool), make(map[string][]*ast.FieldList), make(map[string][]*ast.FieldList)}
}

func (p *pkg) add(f *ast.File) {
	for _, d := range f.Decls {
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
