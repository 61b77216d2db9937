package modernize

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"slices"
	"strconv"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// A text is a file that changes.
type text struct {
	old, now []byte
	steps    [][]edit.Edit // that made now of old
}

// apply makes the edits of all findings, and takes out the imports that nothing uses
// after them. A file that is in two packages, with its tests and without, is found
// twice, and edited once. Of two rewrites that want the same place the second waits
// for the next round.
func (p *program) apply(pkgs []*packages.Package, found []finding) (changed bool, err error) {
	edits := make(map[string][]edit.Edit)
	for _, f := range found {
		for _, fix := range f.SuggestedFixes {
			merge(edits, pkgs[0].Fset, fix.TextEdits)
		}
	}
	imports := importsOf(pkgs)
	for name, list := range edits {
		t := p.texts[name]
		if t == nil {
			src, err := p.read(name)
			if err != nil {
				return false, err
			}
			t = &text{old: src, now: src}
			p.texts[name] = t
		}
		if err := t.edit(list); err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		unused, err := unusedImports(t.now, imports[name])
		if err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
		if err := t.edit(unused); err != nil {
			return false, fmt.Errorf("%s: %w", name, err)
		}
	}
	return len(edits) > 0, nil
}

func (t *text) edit(edits []edit.Edit) (err error) {
	if t.now, err = edit.Apply(t.now, edits); err == nil {
		t.steps = append(t.steps, edits)
	}
	return err
}

// origin returns where in the old text a place of the text after so many steps was.
func (t *text) origin(offset, steps int) int {
	for i := steps - 1; i >= 0; i-- {
		shift := 0 // of what lies behind the edits so far
		for _, e := range edit.Sorted(t.steps[i]) {
			start := e.Start + shift
			if start >= offset {
				break
			}
			if offset < start+len(e.Text) {
				offset = e.Start + shift
				break
			}
			shift += len(e.Text) - (e.End - e.Start)
		}
		offset -= shift
	}
	return offset
}

// merge adds the edits of a fix, all or none.
func merge(edits map[string][]edit.Edit, fset *token.FileSet, fix []analysis.TextEdit) {
	added := make(map[string][]edit.Edit)
	for _, te := range fix {
		at := fset.Position(te.Pos)
		e := edit.Edit{Start: at.Offset, End: at.Offset, Text: string(te.NewText)}
		if te.End.IsValid() {
			e.End = fset.Position(te.End).Offset
		}
		if slices.Contains(edits[at.Filename], e) {
			continue
		}
		if slices.ContainsFunc(edits[at.Filename], func(o edit.Edit) bool { return e.Start < o.End && o.Start < e.End }) {
			return
		}
		added[at.Filename] = append(added[at.Filename], e)
	}
	for name, list := range added {
		edits[name] = append(edits[name], list...)
	}
}

// An imported is what a file calls what it imports: the name of the package, or with a
// dot the names of what it uses of it.
type imported map[string]bool

// importsOf returns the imports that each file uses, by path.
func importsOf(pkgs []*packages.Package) map[string]map[string]imported {
	all := make(map[string]map[string]imported)
	for _, pkg := range pkgs {
		used := make(map[types.Object]bool)
		for _, o := range pkg.TypesInfo.Uses {
			used[o] = true
		}
		for _, tree := range pkg.Syntax {
			names := make(map[string]imported)
			for _, s := range tree.Imports {
				path, err := strconv.Unquote(s.Path.Value)
				if err != nil {
					continue
				}
				o, _ := pkg.TypesInfo.Implicits[s].(*types.PkgName)
				if s.Name != nil {
					o, _ = pkg.TypesInfo.Defs[s.Name].(*types.PkgName)
				}
				switch {
				case s.Name != nil && s.Name.Name == ".":
					names[path] = dotted(pkg, tree, path)
				case o != nil && used[o]:
					names[path] = imported{o.Name(): true}
				}
			}
			all[pkg.Fset.Position(tree.FileStart).Filename] = names
		}
	}
	return all
}

// dotted returns the names that a file uses of a package without its name.
func dotted(pkg *packages.Package, tree *ast.File, path string) imported {
	names := make(imported)
	ast.Inspect(tree, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if o := pkg.TypesInfo.Uses[id]; o != nil && o.Pkg() != nil && o.Pkg().Path() == path {
				names[id.Name] = true
			}
		}
		return true
	})
	return names
}

// unusedImports returns the edits that take out the imports that nothing uses any
// more. imports has those that were used before.
func unusedImports(src []byte, imports map[string]imported) (edits []edit.Edit, err error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	offset := func(p token.Pos) int { return fset.File(tree.FileStart).Offset(p) }
	used := make(map[string]bool) // names that may be a package's
	bare := make(map[string]bool)
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if id, ok := n.X.(*ast.Ident); ok && id.Obj == nil {
				used[id.Name] = true
			}
		case *ast.Ident:
			bare[n.Name] = true
		}
		return true
	})
	unused := func(s *ast.ImportSpec) bool {
		path, err := strconv.Unquote(s.Path.Value)
		names := imports[path]
		if err != nil || len(names) == 0 {
			return false
		}
		called := used
		if s.Name != nil && s.Name.Name == "." {
			called = bare
		} else if s.Name != nil && !names[s.Name.Name] {
			return false
		}
		for name := range names {
			if called[name] {
				return false
			}
		}
		return true
	}
	for _, d := range tree.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.IMPORT {
			continue
		}
		var gone []*ast.ImportSpec
		for _, s := range decl.Specs {
			if spec := s.(*ast.ImportSpec); unused(spec) {
				gone = append(gone, spec)
			}
		}
		from := ast.Node(decl)
		for _, spec := range gone {
			if len(gone) < len(decl.Specs) {
				from = spec
			}
			cut, _ := edit.Cut(src, offset(from.Pos()), offset(from.End()), token.SEMICOLON)
			edits = append(edits, cut...)
			if from == ast.Node(decl) {
				break
			}
		}
	}
	return edits, nil
}
