package migrate

import "go/ast"

// rewriteCredentials follows package credentials in how it passes security levels
// on: by value, and from the AuthInfo instead of a context.
func rewriteCredentials(f *file) {
	for _, r := range f.refs {
		if !r.is(credentialsPath, "CheckSecurityLevel") {
			continue
		}
		call, called := f.called(r.sel)
		switch {
		case called && len(call.Args) == 2 && f.is(call.Args[0], "context.Context"):
			ctx := f.text(call.Args[0])
			f.replace(call.Args[0].Pos(), call.Args[0].End(), "func() "+r.from.name+".AuthInfo { ri, _ := "+r.from.name+".RequestInfoFromContext("+ctx+"); return ri.AuthInfo }()")
			f.site(r.sel, f.text(r.sel))
		case !called || len(call.Args) != 2 || !f.is(call.Args[0], "credentials.AuthInfo") && f.typeOf(call.Args[0]) != nil:
			f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" takes a credentials.AuthInfo now, not a context", "write the AuthInfo of what credentials.RequestInfoFromContext returns")
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		t, ok := n.(*ast.FuncType)
		if !ok || f.methodName(t) == nil || f.methodName(t).Name != "GetCommonAuthInfo" || len(flat(t.Results)) != 1 {
			return true
		}
		star, ok := flat(t.Results)[0].(*ast.StarExpr)
		if !ok || !f.mentions(star.X, credentialsPath, "CommonAuthInfo") {
			return true
		}
		if _, declared := f.parents[t].(*ast.FuncDecl); declared {
			f.report(f.methodName(t).Pos(), linkGone, "the method GetCommonAuthInfo of an AuthInfo returns a credentials.CommonAuthInfo now, and with another result it is not seen", "return a value, not a pointer")
		} else {
			f.replace(star.Pos(), star.X.Pos(), "")
			f.site(f.methodName(t), "GetCommonAuthInfo")
		}
		return true
	})
	f.eachLiteral("credentials.OtherChannelzSecurityValue", func(lit *ast.CompositeLit) {
		f.report(lit.Pos(), linkGone, "the Value of a credentials.OtherChannelzSecurityValue is a message of google.golang.org/protobuf now",
			"generate the message anew, or wrap it by protoadapt.MessageV2Of, if it is an older one")
		f.reports[len(f.reports)-1].Note = true
	})
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		if member == "credentials.OtherChannelzSecurityValue.Value" {
			f.report(sel.Sel.Pos(), linkGone, "the Value of a credentials.OtherChannelzSecurityValue is a message of google.golang.org/protobuf now",
				"generate the message anew, or wrap it by protoadapt.MessageV2Of, if it is an older one")
			f.reports[len(f.reports)-1].Note = true
		}
	})
}
