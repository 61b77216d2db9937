package modernize

import (
	"go/ast"
	"go/types"
	"slices"
)

// Shutdown replaces RemoveSubConn of a balancer.ClientConn by Shutdown of the SubConn,
// which is what grpc's own does: see grpc's gracefulswitch.go. Deprecated has the rest.
var Shutdown = newAnalyzer("shutdown", "replace RemoveSubConn of balancer.ClientConn", func(f *file) {
	f.methodCalls(balancerPath, "ClientConn.RemoveSubConn", func(call *ast.CallExpr, sel *ast.SelectorExpr) {
		if f.dispensable(sel.X) && primary(call.Args[0]) && !f.commented(call.Pos(), call.End()) {
			f.change(call, "balancer.ClientConn.RemoveSubConn is deprecated: use Shutdown of the SubConn; "+
				"a ClientConn of your own around grpc's is no longer asked",
				replace(call.Pos(), call.Args[0].Pos(), ""), replace(call.Args[0].End(), call.End(), ".Shutdown()"))
		}
	})
})

// dispensable says whether an expression may be left out: it does nothing but name
// something, and that is no local variable that would have no other use.
func (f *file) dispensable(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return f.dispensable(e.X)
	case *ast.Ident:
		v, ok := f.pass.TypesInfo.Uses[e].(*types.Var)
		if !ok || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
			return true
		}
		return slices.ContainsFunc(f.idents(v), func(id *ast.Ident) bool {
			switch p := f.parents[id].(type) {
			case *ast.Field, *ast.CallExpr: // a parameter, or an argument
				return true
			case *ast.SelectorExpr: // of a use for something else
				_, called := f.parents[p].(*ast.CallExpr)
				return called && p.Sel.Name != "RemoveSubConn"
			}
			return false
		})
	}
	return false
}
