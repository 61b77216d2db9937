package modernize

import "go/ast"

// NewAddress replaces NewAddress of a resolver.ClientConn by UpdateState: see
// ccResolverWrapper in grpc's resolver_wrapper.go. Deprecated has the rest.
var NewAddress = newAnalyzer("newaddress", "replace NewAddress of resolver.ClientConn by UpdateState", func(f *file) {
	f.methodCalls(resolverPath, "ClientConn.NewAddress", func(call *ast.CallExpr, sel *ast.SelectorExpr) {
		if f.commented(call.Args[0].End(), call.Rparen) {
			return
		}
		resolver, edits := f.nameAt(call.Pos(), resolverPath)
		f.change(call, "resolver.ClientConn.NewAddress is deprecated: use UpdateState; "+
			"a service config that an earlier UpdateState gave is not kept, and a ClientConn of your own is asked for UpdateState",
			append(edits, rename(sel.Sel, "UpdateState"), replace(call.Lparen, call.Lparen+1, "("+resolver+".State{Addresses: "),
				replace(call.Args[0].End(), call.Rparen+1, "})"))...)
	})
})
