package migrate

import (
	"go/ast"
	"go/token"
)

// An optionList is a list that a DialOption stands in and that may grow and
// shrink: variadic arguments, those of append, the elements of a slice literal.
type optionList struct {
	node  ast.Node
	elems []ast.Expr
	index int // of the option
	first int // of the elements that may come and go
}

// variadicFrom is the index of the DialOptions among the arguments of grpc's
// functions.
var variadicFrom = map[string]int{"Dial": 1, "DialContext": 2, "NewClient": 1}

// listOf returns the list that the call c is an element of.
func (f *file) listOf(c *ast.CallExpr) (optionList, bool) {
	switch p := f.parents[c].(type) {
	case *ast.CallExpr:
		for i, a := range p.Args {
			if a == c && !p.Ellipsis.IsValid() {
				first, ok := f.variadic(p.Fun, i)
				return optionList{p, p.Args, i, first}, ok
			}
		}
	case *ast.CompositeLit:
		t, ok := p.Type.(*ast.ArrayType)
		if !ok {
			return optionList{}, false
		}
		if _, dots := t.Len.(*ast.Ellipsis); t.Len != nil && !dots {
			return optionList{}, false
		}
		for i, a := range p.Elts {
			if _, keyed := a.(*ast.KeyValueExpr); keyed {
				return optionList{}, false
			}
			if a == c {
				return optionList{p, p.Elts, i, 0}, true
			}
		}
	}
	return optionList{}, false
}

// variadic says whether a function takes any number of arguments at index i,
// and from which index on it does.
func (f *file) variadic(fun ast.Expr, i int) (first int, ok bool) {
	var funcs []*ast.FieldList
	switch fun := ast.Unparen(fun).(type) {
	case *ast.Ident:
		if fun.Name == "append" && fun.Obj == nil && !f.pkg.names["append"] {
			return 1, i >= 1
		}
		if fun.Obj == nil || fun.Obj.Kind == ast.Fun {
			funcs = f.pkg.funcs[fun.Name]
		}
	case *ast.SelectorExpr:
		if r := f.refOf(fun); r != nil {
			first, ok = variadicFrom[r.sel.Sel.Name]
			return first, ok && r.from.path == grpcPath && i >= first
		}
		// A method of this package's, unless x is a package or is of another
		// package's type with a method of that name, which syntax cannot tell.
		if x, ok := fun.X.(*ast.Ident); ok && x.Obj == nil && !f.pkg.names[x.Name] {
			return 0, false
		}
		funcs = f.pkg.methods[fun.Sel.Name]
	}
	if !variadicAt(funcs, i) {
		return 0, false
	}
	return funcs[0].NumFields() - 1, true
}

// hasComment says whether a comment stands between two places.
func (f *file) hasComment(from, to token.Pos) bool {
	for _, c := range f.tree.Comments {
		if c.Pos() < to && c.End() > from {
			return true
		}
	}
	return false
}
