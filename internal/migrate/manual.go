package migrate

import (
	"go/ast"
	"go/token"
	"go/types"
)

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
	for _, r := range f.refs {
		if r.is(resolverPath, "UnregisterForTesting") {
			f.dropUnregister(r)
		}
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

// dropUnregister takes out a statement that takes a resolver back: nothing does
// that any more, and one of the same scheme takes its place.
func (f *file) dropUnregister(r *ref) {
	call, ok := f.called(r.sel)
	if !ok || len(call.Args) != 1 {
		return
	}
	var stmt ast.Stmt
	switch p := f.parents[call].(type) {
	case *ast.ExprStmt:
		stmt = p
	case *ast.DeferStmt:
		stmt = p
	}
	if stmt == nil || !f.inBlock(stmt) || f.hasComment(stmt.Pos(), stmt.End()) || f.onlyUses(call.Args[0]) {
		return
	}
	f.cut(f.offset(stmt.Pos()), f.offset(stmt.End()), token.SEMICOLON)
	f.site(r.sel, f.text(r.sel))
	f.leave(r)
}

// onlyUses says whether e may have the only use of something that has to be used.
func (f *file) onlyUses(e ast.Expr) (only bool) {
	ast.Inspect(e, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		switch o := f.pkg.info.Uses[id].(type) {
		case *types.Var, *types.PkgName:
			uses := 0
			for _, other := range f.pkg.info.Uses {
				if other == o {
					uses++
				}
			}
			only = only || uses == 1 && (o.Parent() != nil && o.Parent() != o.Pkg().Scope())
		}
		return true
	})
	return only
}
