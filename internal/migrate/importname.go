package migrate

import (
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// nameFor returns the name by which the file calls the package path, and sees
// to its import: one that is there, or a new one beside that of r.
func (f *file) nameFor(r *ref, path, base string) string {
	for _, a := range f.added {
		if a.path == path {
			return a.name
		}
	}
	taken := f.taken()
	for _, i := range f.imports {
		if (i.path == path || i.path == grpcNamingPath && path == namingPath) && i.name != "." && i.name != "_" && !taken[i.name] {
			return i.name
		}
	}
	return f.addImportBeside(r.from, taken, path, base, "grpc"+base)
}

// nameAt returns the name by which the package path can be called at a place,
// and sees to its import.
func (f *file) nameAt(at token.Pos, path, base string) string {
	if f.pkg.info != nil {
		for _, s := range f.tree.Imports {
			if pathOf(s) != path || s.Name != nil && (s.Name.Name == "." || s.Name.Name == "_") {
				continue
			}
			name := base
			if s.Name != nil {
				name = s.Name.Name
			}
			old, _ := legacy().Import(path)
			if n, ok := f.lookup(at, name).(*types.PkgName); ok && (n.Imported().Path() == path || n.Imported() == old) {
				f.keep(path)
				return name
			}
		}
	}
	for _, a := range f.added {
		if a.path == path {
			return a.name
		}
	}
	return f.addImportBeside(f.neighbour(path), f.taken(), path, base, strings.ReplaceAll(path[strings.Index(path, ".")+1:], "/", ""))
}

// keep counts a new use of an import.
func (f *file) keep(path string) {
	for _, i := range f.imports {
		if i.path == path {
			i.kept++
		}
	}
}

// neighbour is an import beside which that of a path belongs: the first of
// the same kind, the standard library or not, or the first of all; nil for none.
func (f *file) neighbour(path string) *importSpec {
	standard := func(path string) bool {
		first, _, _ := strings.Cut(path, "/")
		return !strings.Contains(first, ".")
	}
	var spec *ast.ImportSpec
	for _, s := range f.tree.Imports {
		p := pathOf(s)
		if same := standard(p) == standard(path); p != "C" && (spec == nil || same && standard(pathOf(spec)) != standard(path)) {
			spec = s
		}
	}
	if spec == nil {
		return nil
	}
	for _, i := range f.imports {
		if i.spec == spec {
			return i
		}
	}
	i := &importSpec{decl: f.parents[spec].(*ast.GenDecl), spec: spec, path: pathOf(spec), name: "_"}
	f.imports = append(f.imports, i)
	return i
}

func pathOf(s *ast.ImportSpec) string {
	path, _ := strconv.Unquote(s.Path.Value)
	return path
}

// addImportBeside adds an import under its own name, or another if that is taken.
func (f *file) addImportBeside(i *importSpec, taken map[string]bool, path, base, other string) string {
	for _, i := range f.imports {
		taken[i.name] = true
	}
	for _, s := range f.tree.Imports {
		if s.Name != nil {
			taken[s.Name.Name] = true
		} else if p, err := strconv.Unquote(s.Path.Value); err == nil {
			taken[p[strings.LastIndex(p, "/")+1:]] = true
		}
	}
	for _, a := range f.added {
		taken[a.name] = true
	}
	name := base
	for n := 0; taken[name]; n++ {
		name = other
		if n > 0 {
			name += strconv.Itoa(n + 1)
		}
	}
	f.added = append(f.added, addedImport{i, path, name, base})
	return name
}

// taken returns the names that an identifier of this file may already mean:
// what its package declares, what it declares itself in any scope, and what it
// uses without declaring it, such as a package whose path does not end in its
// name. Fields, methods, keys and labels live elsewhere.
func (f *file) taken() map[string]bool {
	taken := make(map[string]bool)
	for n := range f.pkg.names {
		taken[n] = true
	}
	ours := make(map[string]bool)
	for _, i := range f.imports {
		ours[i.name] = true
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || id.Obj == nil && ours[id.Name] {
			return true
		}
		switch p := f.parents[id].(type) {
		case *ast.File, *ast.ImportSpec, *ast.LabeledStmt, *ast.BranchStmt:
			return true
		case *ast.SelectorExpr:
			if p.Sel == id {
				return true
			}
		case *ast.KeyValueExpr:
			if _, ok := f.parents[p].(*ast.CompositeLit); ok && p.Key == id && id.Obj == nil {
				return true
			}
		case *ast.FuncDecl:
			if p.Recv != nil {
				return true
			}
		case *ast.Field:
			list := f.parents[p]
			switch f.parents[list].(type) {
			case *ast.StructType, *ast.InterfaceType:
				if p.Type != id {
					return true
				}
			}
		}
		taken[id.Name] = true
		return true
	})
	return taken
}
