package modernize

import (
	"go/ast"
	"go/token"
	"go/types"

	"golang.org/x/tools/go/analysis"
)

// FailFast replaces grpc.FailFast by grpc.WaitForReady: both make the same
// FailFastCallOption, see grpc's rpc_util.go.
var FailFast = newAnalyzer("failfast", "replace grpc.FailFast by grpc.WaitForReady", func(f *file) {
	f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
		f.rewrite(call, "grpc.FailFast is deprecated: use grpc.WaitForReady of the opposite", f.waitForReady(call)...)
	}, "FailFast")
	f.leftValues("write a function that returns grpc.WaitForReady of the opposite", "FailFast")
})

func (f *file) waitForReady(call *ast.CallExpr) []analysis.TextEdit {
	const name = "WaitForReady"
	switch arg := ast.Unparen(call.Args[0]).(type) {
	case *ast.Ident:
		switch f.pass.TypesInfo.Uses[arg] {
		case types.Universe.Lookup("true"):
			return append(callOther(call, name, "", ""), rename(arg, "false"))
		case types.Universe.Lookup("false"):
			return append(callOther(call, name, "", ""), rename(arg, "true"))
		}
	case *ast.UnaryExpr:
		if arg.Op != token.NOT {
			break
		}
		edits := append(callOther(call, name, "", ""), replace(arg.OpPos, arg.OpPos+1, ""))
		if paren, ok := arg.X.(*ast.ParenExpr); ok {
			edits = append(edits, replace(paren.Lparen, paren.Lparen+1, ""), replace(paren.Rparen, paren.Rparen+1, ""))
		}
		return edits
	}
	arg := call.Args[0]
	if _, ok := arg.(*ast.BinaryExpr); ok {
		return append(callOther(call, name, "", ""), insert(arg.Pos(), "!("), insert(arg.End(), ")"))
	}
	return append(callOther(call, name, "", ""), insert(arg.Pos(), "!"))
}
