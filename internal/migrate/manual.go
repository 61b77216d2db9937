package migrate

import "go/ast"

// rewriteManual makes a manual resolver, and asks it for its ClientConn, by what
// package resolver/manual has today.
func rewriteManual(f *file) {
	for _, r := range f.refs {
		if !r.is(manualPath, "GenerateAndRegisterManualResolver") {
			continue
		}
		call, ok := f.called(r.sel)
		if !ok {
			f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" is gone", "write manual.NewBuilderWithScheme and grpc.WithResolvers")
			continue
		}
		resolver, clock, format := f.nameAt(call.Pos(), resolverPath, "resolver"), f.nameAt(call.Pos(), "time", "time"), f.nameAt(call.Pos(), "strconv", "strconv")
		nl := f.newline()
		f.replace(call.Pos(), call.End(), "func() (*"+r.from.name+".Resolver, func()) {"+nl+
			"r := "+r.from.name+".NewBuilderWithScheme("+format+".FormatInt("+clock+".Now().UnixNano(), 36))"+nl+
			resolver+".Register(r)"+nl+"return r, func() {}"+nl+"}()")
		f.site(r.sel, f.text(r.sel))
	}
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		if _, called := f.called(sel); member != "manual.Resolver.CC" || called {
			return
		}
		if f.written(sel) {
			f.report(sel.Sel.Pos(), linkGone, "the field CC of manual.Resolver is gone, and this sets it", "call Build of the resolver with the resolver.ClientConn")
			return
		}
		f.site(sel, f.text(sel))
		if p, ok := f.parents[sel].(*ast.SelectorExpr); ok && p.Sel.Name == "UpdateState" {
			f.replace(sel.X.End(), sel.End(), "")
			return
		}
		f.replace(sel.End(), sel.End(), "()")
	})
}
