package modernize

import (
	"go/ast"
)

// Insecure replaces grpc.WithInsecure() by the credentials that it stands for: see
// WithInsecure in grpc's dialoptions.go.
var Insecure = newAnalyzer("insecure", "replace grpc.WithInsecure by credentials/insecure", func(f *file) {
	f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
		creds, edits := f.nameAt(call.Pos(), grpcPath+"/credentials/insecure")
		grpc, more := f.nameAt(call.Pos(), grpcPath)
		f.rewrite(call, "grpc.WithInsecure is deprecated: use grpc.WithTransportCredentials(insecure.NewCredentials())",
			append(append(edits, more...), replace(call.Pos(), call.End(), grpc+".WithTransportCredentials("+creds+".NewCredentials())"))...)
	}, "WithInsecure")
	f.values(grpcPath, func(id *ast.Ident, _ string) {
		f.left(id, "grpc.WithInsecure is deprecated, and is used here as a value",
			"write a function that returns grpc.WithTransportCredentials(insecure.NewCredentials())")
	}, "WithInsecure")
})
