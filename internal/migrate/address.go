package migrate

import (
	"go/ast"
	"go/token"
)

const typeWrite = "leave it out: every address is a backend, those of load balancers are set by grpclbstate.Set"

// dropAddressTypes takes out the type of addresses that are backends, as all
// are now.
func dropAddressTypes(f *file) {
	f.eachLiteral("resolver.Address", func(lit *ast.CompositeLit) {
		for i, e := range lit.Elts {
			kv, keyed := e.(*ast.KeyValueExpr)
			switch {
			case !keyed:
				f.report(lit.Pos(), linkGone, "resolver.Address has lost the field Type and got others, and this literal names none", "name the fields")
				return
			case f.text(kv.Key) != "Type":
			case f.backend(kv.Value):
				f.dropElems(lit.Elts, []int{i})
				f.site(kv, "resolver.Address.Type")
			default:
				f.report(kv.Pos(), linkGone, "the field resolver.Address.Type is gone", typeWrite)
			}
		}
	})
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		if member != "resolver.Address.Type" {
			return
		}
		a, ok := f.parents[sel].(*ast.AssignStmt)
		if ok && a.Tok == token.ASSIGN && len(a.Lhs) == 1 && len(a.Rhs) == 1 && a.Lhs[0] == sel && f.inBlock(a) && f.backend(a.Rhs[0]) {
			f.cut(f.offset(a.Pos()), f.offset(a.End()), token.SEMICOLON)
			f.site(sel, f.text(sel))
			return
		}
		f.report(sel.Sel.Pos(), linkGone, "the field resolver.Address.Type is gone", typeWrite)
	})
}

// backend says whether e is the type of a backend, and counts it as gone.
func (f *file) backend(e ast.Expr) bool {
	if f.text(e) == "0" {
		return true
	}
	if sel, ok := e.(*ast.SelectorExpr); ok {
		if r := f.refOf(sel); r.is(resolverPath, "Backend") {
			f.leave(r)
			return true
		}
	}
	return false
}

// inBlock says whether a statement stands in a list of statements.
func (f *file) inBlock(s ast.Stmt) bool {
	switch p := f.parents[s].(type) {
	case *ast.BlockStmt, *ast.CaseClause:
		return true
	case *ast.CommClause:
		return p.Comm != s
	}
	return false
}
