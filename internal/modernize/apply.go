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

// importsOf returns the names of the imports that each file uses, by path.
func importsOf(pkgs []*packages.Package) map[string]map[string]string {
	all := make(map[string]map[string]string)
	for _, pkg := range pkgs {
		used := make(map[types.Object]bool)
		for _, o := range pkg.TypesInfo.Uses {
			if n, ok := o.(*types.PkgName); ok {
				used[n] = true
			}
		}
		for _, tree := range pkg.Syntax {
			names := make(map[string]string)
			for _, s := range tree.Imports {
				o := pkg.TypesInfo.Implicits[s]
				if s.Name != nil {
					o = pkg.TypesInfo.Defs[s.Name]
				}
				if path, err := strconv.Unquote(s.Path.Value); err == nil && o != nil && used[o] {
					names[path] = o.Name()
				}
			}
			all[pkg.Fset.Position(tree.FileStart).Filename] = names
		}
	}
	return all
}

// unusedImports returns the edits that take out the imports that nothing uses any
// more. names has those that were used before.
func unusedImports(src []byte, names map[string]string) (edits []edit.Edit, err error) {
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, "", src, parser.ParseComments)
	if err != nil {
		return nil, err
	}
	offset := func(p token.Pos) int { return fset.File(tree.FileStart).Offset(p) }
	used := make(map[string]bool)
	ast.Inspect(tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if id, ok := sel.X.(*ast.Ident); ok && id.Obj == nil {
				used[id.Name] = true
			}
		}
		return true
	})
	for _, d := range tree.Decls {
		decl, ok := d.(*ast.GenDecl)
		if !ok || decl.Tok != token.IMPORT {
			continue
		}
		var gone []*ast.ImportSpec
		for _, s := range decl.Specs {
			spec := s.(*ast.ImportSpec)
			path, err := strconv.Unquote(spec.Path.Value)
			if name, was := names[path]; err == nil && was && !used[name] && (spec.Name == nil || spec.Name.Name == name) {
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
