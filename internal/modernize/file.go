package modernize

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"

	"github.com/grpcnaming/grpcnaming/internal/edit"
	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A file is one file of a package that an analyzer looks at.
type file struct {
	pass    *analysis.Pass
	tree    *ast.File
	src     []byte
	tok     *token.File
	parents map[ast.Node]ast.Node
}

// eachFile calls do for each file of the package that imports grpc or this module and
// is not generated: what a generator writes has to change in the generator.
func eachFile(pass *analysis.Pass, do func(*file)) error {
	for _, tree := range pass.Files {
		if !concerned(tree) || ast.IsGenerated(tree) {
			continue
		}
		f, err := newFile(pass, tree)
		if err != nil {
			return err
		}
		do(f)
	}
	return nil
}

func newFile(pass *analysis.Pass, tree *ast.File) (*file, error) {
	tok := pass.Fset.File(tree.FileStart)
	src, err := pass.ReadFile(tok.Name())
	if err != nil {
		return nil, err
	}
	f := &file{pass: pass, tree: tree, src: src, tok: tok, parents: make(map[ast.Node]ast.Node)}
	var stack []ast.Node
	ast.Inspect(tree, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			f.parents[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		return true
	})
	return f, nil
}

func concerned(tree *ast.File) bool {
	for _, s := range tree.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err == nil &&
			(p == grpcPath || strings.HasPrefix(p, grpcPath+"/") || p == migrate.Module || strings.HasPrefix(p, migrate.Module+"/")) {
			return true
		}
	}
	return false
}

// all calls do for each node of the file that is a T.
func all[T ast.Node](f *file, do func(T)) {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if t, ok := n.(T); ok {
			do(t)
		}
		return true
	})
}

// calls calls do for each call of a function of package path that has one of the names.
func (f *file) calls(path string, do func(call *ast.CallExpr, name string), names ...string) {
	all(f, func(call *ast.CallExpr) {
		for _, name := range names {
			if f.isCall(call, path, name) {
				do(call, name)
			}
		}
	})
}

// isCall says whether e calls the function name of package path.
func (f *file) isCall(e ast.Expr, path, name string) bool {
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	return ok && isNamed(typeutil.Callee(f.pass.TypesInfo, call), path, name)
}

// isNamed says whether o is declared as name in package path.
func isNamed(o types.Object, path, name string) bool {
	return o != nil && o.Name() == name && o.Pkg() != nil && o.Pkg().Path() == path && o.Parent() == o.Pkg().Scope()
}

// values calls do for each use of a function of package path that is no call of it.
func (f *file) values(path string, do func(id *ast.Ident, name string), names ...string) {
	all(f, func(id *ast.Ident) {
		for _, name := range names {
			if !isNamed(f.pass.TypesInfo.Uses[id], path, name) {
				continue
			}
			var e ast.Expr = id
			if sel, ok := f.parents[e].(*ast.SelectorExpr); ok {
				e = sel
			}
			parent := f.parents[e]
			for {
				p, ok := parent.(*ast.ParenExpr)
				if !ok {
					break
				}
				e, parent = p, f.parents[p]
			}
			if call, ok := parent.(*ast.CallExpr); !ok || call.Fun != e {
				do(id, name)
			}
		}
	})
}

func (f *file) offset(p token.Pos) int       { return f.tok.Offset(p) }
func (f *file) text(n ast.Node) string       { return string(f.src[f.offset(n.Pos()):f.offset(n.End())]) }
func (f *file) line(p token.Pos) int         { return f.tok.Line(p) }
func (f *file) typeOf(e ast.Expr) types.Type { return f.pass.TypesInfo.TypeOf(e) }

// constant returns the value of a constant string.
func (f *file) constant(e ast.Expr) (string, bool) {
	if tv, ok := f.pass.TypesInfo.Types[e]; ok && tv.Value != nil {
		if s, err := strconv.Unquote(tv.Value.ExactString()); err == nil {
			return s, true
		}
	}
	return "", false
}

// replace is the edit that makes text of what is between two places.
func replace(from, to token.Pos, text string) analysis.TextEdit {
	return analysis.TextEdit{Pos: from, End: to, NewText: []byte(text)}
}

// insert is the edit that puts text at a place.
func insert(at token.Pos, text string) analysis.TextEdit { return replace(at, at, text) }

// positioned makes edits of offsets ones of positions.
func (f *file) positioned(edits []edit.Edit) (out []analysis.TextEdit) {
	for _, e := range edits {
		out = append(out, replace(f.tok.Pos(e.Start), f.tok.Pos(e.End), e.Text))
	}
	return out
}

// cutElements removes elements of a list.
func (f *file) cutElements(elems []ast.Expr, indexes ...int) []analysis.TextEdit {
	spans := make([]edit.Span, len(elems))
	for i, e := range elems {
		spans[i] = edit.Span{Start: f.offset(e.Pos()), End: f.offset(e.End())}
	}
	return f.positioned(edit.CutElements(f.src, spans, indexes))
}

// rewrite reports a rewrite of n that leaves behaviour as it is.
func (f *file) rewrite(n ast.Node, message string, edits ...analysis.TextEdit) {
	f.report(n, "", message, edits)
}

// change reports a rewrite of n that changes what the message says.
func (f *file) change(n ast.Node, message string, edits ...analysis.TextEdit) {
	f.report(n, Changes, message, edits)
}

// left reports that n is not rewritten.
func (f *file) left(n ast.Node, reason, write string) {
	f.report(n, Left, fmt.Sprintf("%s; %s", reason, write), nil)
}

func (f *file) report(n ast.Node, category, message string, edits []analysis.TextEdit) {
	d := analysis.Diagnostic{Pos: n.Pos(), End: n.End(), Category: category, Message: message}
	if edits = f.importOnce(edits); len(edits) > 0 {
		d.SuggestedFixes = []analysis.SuggestedFix{{Message: message, TextEdits: edits}}
	}
	f.pass.Report(d)
}
