package modernize

import "go/ast"

// MaxMsgSize replaces grpc.WithMaxMsgSize and grpc.MaxMsgSize by what they call: see
// grpc's dialoptions.go and server.go.
var MaxMsgSize = newAnalyzer("maxmsgsize", "replace grpc.WithMaxMsgSize and grpc.MaxMsgSize", func(f *file) {
	f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
		f.rewrite(call, "grpc.WithMaxMsgSize is deprecated: use grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(n))",
			callOther(call, "WithDefaultCallOptions", f.beside(call, "MaxCallRecvMsgSize")+"(", ")")...)
	}, "WithMaxMsgSize")
	f.leftValues("write a function that returns grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(n))", "WithMaxMsgSize")
	f.uses(grpcPath, func(id *ast.Ident, _ string) {
		f.rewrite(f.full(id), "grpc.MaxMsgSize is deprecated: use grpc.MaxRecvMsgSize", rename(id, "MaxRecvMsgSize"))
	}, "MaxMsgSize")
})
