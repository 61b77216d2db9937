package modernize

import (
	"go/ast"
	"go/token"
	"go/types"
)

// Unwrap replaces calls that return what they are given by that:
// balancer.TransientFailureError and metadata.DecodeKeyValue.
var Unwrap = newAnalyzer("unwrap", "replace calls that return their arguments", func(f *file) {
	f.calls(balancerPath, func(call *ast.CallExpr, _ string) {
		arg := call.Args[0]
		_, statement := f.parents[call].(*ast.ExprStmt)
		isError := types.Identical(f.typeOf(arg), types.Universe.Lookup("error").Type())
		if statement || !primary(arg) || !isError || f.commented(call.Pos(), call.End()) {
			f.left(call, "balancer.TransientFailureError is deprecated", "write its argument, as an error")
			return
		}
		f.rewrite(call, "balancer.TransientFailureError is deprecated: use its argument",
			replace(call.Pos(), arg.Pos(), ""), replace(arg.End(), call.End(), ""))
	}, "TransientFailureError")
	f.calls(metadataPath, func(call *ast.CallExpr, _ string) {
		null := f.nilFor(call)
		if null == "" || len(call.Args) != 2 || f.commented(call.Pos(), call.End()) {
			f.left(call, "metadata.DecodeKeyValue is deprecated", "write its arguments, and nil")
			return
		}
		f.rewrite(call, "metadata.DecodeKeyValue is deprecated: use its arguments",
			replace(call.Pos(), call.Args[0].Pos(), ""), replace(call.Args[1].End(), call.End(), ", "+null))
	}, "DecodeKeyValue")
	f.values(metadataPath, func(id *ast.Ident, _ string) {
		f.left(id, "metadata.DecodeKeyValue is deprecated, and is used here as a value",
			"write a function that returns its arguments, and nil")
	}, "DecodeKeyValue")
	f.values(balancerPath, func(id *ast.Ident, _ string) {
		f.left(id, "balancer.TransientFailureError is deprecated, and is used here as a value",
			"write a function that returns its argument")
	}, "TransientFailureError")
})

// nilFor is how the error that a call returns last, always nil, is written in its
// place. It is empty if the call cannot become a list.
func (f *file) nilFor(call *ast.CallExpr) string {
	switch s := f.parents[call].(type) {
	case *ast.ReturnStmt:
		return "nil"
	case *ast.AssignStmt:
		if id, ok := s.Lhs[2].(*ast.Ident); ok && s.Tok == token.ASSIGN && id.Name != "_" {
			return "nil"
		}
		return "error(nil)"
	case *ast.ValueSpec:
		return "error(nil)"
	}
	return ""
}
