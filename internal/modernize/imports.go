package modernize

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// nameAt returns the name by which the package path is called at a place, and the
// edits that import it, if it is not imported yet or its name means something else
// there. Two rewrites of one file that need the same import make the same edit.
func (f *file) nameAt(at token.Pos, path string) (name string, edits []analysis.TextEdit) {
	base := path[strings.LastIndex(path, "/")+1:]
	for _, s := range f.tree.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err != nil || p != path {
			continue
		}
		name := base
		if s.Name != nil {
			name = s.Name.Name
		}
		if name == "_" || name == "." {
			continue
		}
		if n, ok := f.lookup(at, name).(*types.PkgName); ok && n.Imported().Path() == path {
			return name, nil
		}
	}
	name = base
	if s := f.imported(path); s != nil && s.Name != nil && s.Name.Name == "_" && !f.taken(name) {
		return name, []analysis.TextEdit{replace(s.Name.Pos(), s.Path.Pos(), "")}
	}
	for n := 1; f.taken(name); n++ {
		name = "grpc" + base
		if n > 1 {
			name += strconv.Itoa(n)
		}
	}
	spec := strconv.Quote(path)
	if name != base {
		spec = name + " " + spec
	}
	return name, []analysis.TextEdit{f.addImport(path, spec)}
}

// imported returns the first import of a package.
func (f *file) imported(path string) *ast.ImportSpec {
	for _, s := range f.tree.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err == nil && p == path {
			return s
		}
	}
	return nil
}

// lookup returns what a name means at a place.
func (f *file) lookup(at token.Pos, name string) types.Object {
	if s := f.pass.Pkg.Scope().Innermost(at); s != nil {
		_, o := s.LookupParent(name, at)
		return o
	}
	return nil
}

// taken says whether a name means something in this package, or is used in this
// file for anything but a field or method.
func (f *file) taken(name string) bool {
	if f.pass.Pkg.Scope().Lookup(name) != nil {
		return true
	}
	taken := false
	for _, s := range f.tree.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err == nil && s.Name == nil && p[strings.LastIndex(p, "/")+1:] == name {
			taken = true
		}
	}
	all(f, func(id *ast.Ident) {
		if sel, ok := f.parents[id].(*ast.SelectorExpr); id.Name == name && id != f.tree.Name && !(ok && sel.Sel == id) {
			taken = true
		}
	})
	return taken
}

// addImport puts a spec beside the import that its path has most in common with.
// Comments keep their places.
func (f *file) addImport(path, spec string) analysis.TextEdit {
	var beside *ast.ImportSpec
	best := -1
	for _, s := range f.tree.Imports {
		p, err := strconv.Unquote(s.Path.Value)
		if err != nil || p == "C" {
			continue
		}
		common := 0
		for common < min(len(p), len(path)) && p[common] == path[common] {
			common++
		}
		if common == 0 && strings.Contains(firstElement(p), ".") == strings.Contains(firstElement(path), ".") {
			common = 1
		}
		if common > best {
			beside, best = s, common
		}
	}
	if beside == nil {
		return insert(f.tree.Name.End(), "\n\nimport "+spec)
	}
	decl := f.parents[beside].(*ast.GenDecl)
	if !decl.Lparen.IsValid() {
		if f.line(decl.Pos()) == f.line(f.tree.Name.End()) || decl.Doc != nil {
			return insert(decl.End(), "; import "+spec)
		}
		return insert(decl.Pos(), "import "+spec+"\n")
	}
	if best == 0 && !strings.Contains(firstElement(path), ".") && f.line(beside.Pos()) != f.line(decl.Lparen) {
		return insert(decl.Lparen+1, "\n\t"+spec+"\n") // the standard library comes first
	}
	if beside.Doc != nil || f.line(beside.Pos()) == f.line(decl.Lparen) {
		return insert(beside.Path.End(), "; "+spec)
	}
	if best == 0 && !strings.Contains(firstElement(path), ".") { // the first of the standard library
		return insert(beside.Pos(), spec+"\n\n\t")
	}
	return insert(beside.Pos(), spec+"\n\t")
}

// importOnce takes out of the edits of a rewrite the second one that imports the same.
func (f *file) importOnce(edits []analysis.TextEdit) (once []analysis.TextEdit) {
	end := f.tree.Name.End()
	for _, s := range f.tree.Imports {
		end = max(end, f.parents[s].End())
	}
	for _, e := range edits {
		same := func(o analysis.TextEdit) bool {
			return o.Pos == e.Pos && o.End == e.End && string(o.NewText) == string(e.NewText)
		}
		if e.Pos > end || !slices.ContainsFunc(once, same) {
			once = append(once, e)
		}
	}
	return once
}

func firstElement(path string) string {
	first, _, _ := strings.Cut(path, "/")
	return first
}
