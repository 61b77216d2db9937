package modernize

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// uses calls do for each use of what package path declares by one of the names.
func (f *file) uses(path string, do func(id *ast.Ident, name string), names ...string) {
	all(f, func(id *ast.Ident) {
		for _, name := range names {
			if isNamed(f.pass.TypesInfo.Uses[id], path, name) {
				do(id, name)
			}
		}
	})
}

// usesOf returns where the variable that id declares is used.
func (f *file) usesOf(id *ast.Ident) []*ast.Ident {
	v := f.pass.TypesInfo.Defs[id]
	if v == nil {
		return nil
	}
	return slices.DeleteFunc(f.idents(v), func(use *ast.Ident) bool { return use == id })
}

// full returns the expression that id is the name in: pkg.id, or id.
func (f *file) full(id *ast.Ident) ast.Expr {
	if sel, ok := f.parents[id].(*ast.SelectorExpr); ok && sel.Sel == id {
		return sel
	}
	return id
}

// beside returns how another name of the package that a call's function is of is
// written there.
func (f *file) beside(call *ast.CallExpr, name string) string {
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		return f.text(sel.X) + "." + name
	}
	return name
}

// callOther makes a call one of another function of the same package. What open and
// shut say goes around its arguments.
func callOther(call *ast.CallExpr, name, open, shut string) []analysis.TextEdit {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	if !ok {
		id = ast.Unparen(call.Fun).(*ast.SelectorExpr).Sel
	}
	edits := []analysis.TextEdit{rename(id, name)}
	if open != "" {
		edits = append(edits, replace(call.Lparen, call.Lparen+1, "("+open))
	}
	if shut != "" {
		edits = append(edits, replace(call.Rparen, call.Rparen+1, shut+")"))
	}
	return edits
}

// rename is the edit that gives an identifier another name.
func rename(id *ast.Ident, name string) analysis.TextEdit { return replace(id.Pos(), id.End(), name) }

// leftValues reports each use of functions of package grpc that is no call.
func (f *file) leftValues(write string, names ...string) {
	f.values(grpcPath, func(id *ast.Ident, name string) {
		f.left(id, "grpc."+name+" is deprecated, and is used here as a value", write)
	}, names...)
}

// commented says whether there is a comment between two places.
func (f *file) commented(from, to token.Pos) bool {
	for _, g := range f.tree.Comments {
		if g.Pos() < to && from < g.End() {
			return true
		}
	}
	return false
}

// member returns what a package declares as name, or as a field or method of a type:
// "Type.name". It is nil if there is none.
func member(pkg *types.Package, name string) types.Object {
	typ, name, ok := strings.Cut(name, ".")
	o := pkg.Scope().Lookup(typ)
	if o == nil || !ok {
		return o
	}
	o, _, _ = types.LookupFieldOrMethod(o.Type(), true, pkg, name)
	return origin(o)
}

// origin is what an instance is of, for a field or method of a generic type.
func origin(o types.Object) types.Object {
	switch o := o.(type) {
	case *types.Func:
		return o.Origin()
	case *types.Var:
		return o.Origin()
	}
	return o
}

// methodCalls calls do for each call of a method that package path declares.
func (f *file) methodCalls(path, method string, do func(call *ast.CallExpr, sel *ast.SelectorExpr)) {
	all(f, func(call *ast.CallExpr) {
		sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if !ok {
			return
		}
		selection := f.pass.TypesInfo.Selections[sel]
		if selection == nil || selection.Kind() != types.MethodVal {
			return
		}
		if pkg := selection.Obj().Pkg(); pkg != nil && pkg.Path() == path && origin(selection.Obj()) == member(pkg, method) {
			do(call, sel)
		}
	})
}

// primary says whether a selector may follow an expression as it is.
func primary(e ast.Expr) bool {
	switch e.(type) {
	case *ast.Ident, *ast.SelectorExpr, *ast.CallExpr, *ast.IndexExpr, *ast.ParenExpr:
		return true
	}
	return false
}
