package modernize

import "go/ast"

// Status replaces what package grpc had of package status before there was one: see
// Code, ErrorDesc and Errorf in grpc's rpc_util.go.
var Status = newAnalyzer("status", "replace grpc.Errorf, grpc.Code and grpc.ErrorDesc by package status", func(f *file) {
	same := func(n ast.Node, id ast.Expr, name string) {
		status, edits := f.nameAt(n.Pos(), grpcPath+"/status")
		f.rewrite(n, "grpc."+name+" is deprecated: use status."+name, append(edits, replace(id.Pos(), id.End(), status+"."+name))...)
	}
	f.calls(grpcPath, func(call *ast.CallExpr, name string) { same(call, call.Fun, name) }, "Errorf", "Code")
	f.values(grpcPath, func(id *ast.Ident, name string) {
		if sel, ok := f.parents[id].(*ast.SelectorExpr); ok {
			same(sel, sel, name)
		} else {
			same(id, id, name)
		}
	}, "Errorf", "Code")
	f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
		status, edits := f.nameAt(call.Pos(), grpcPath+"/status")
		f.rewrite(call, "grpc.ErrorDesc is deprecated: use status.Convert and its Message",
			append(edits, replace(call.Fun.Pos(), call.Fun.End(), status+".Convert"), insert(call.End(), ".Message()"))...)
	}, "ErrorDesc")
	f.values(grpcPath, func(id *ast.Ident, _ string) {
		f.left(id, "grpc.ErrorDesc is deprecated, and is used here as a value",
			"write func(err error) string { return status.Convert(err).Message() }")
	}, "ErrorDesc")
})
