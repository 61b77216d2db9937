package migrate

import "go/ast"

// renamed are names of package resolver that got another.
var renamed = map[string]string{"BuildOption": "BuildOptions", "ResolveNowOption": "ResolveNowOptions"}

func renameOptions(f *file) {
	for _, r := range f.refs {
		to := renamed[r.sel.Sel.Name]
		switch {
		case r.from.path != resolverPath || to == "":
		case f.embedded(r.sel):
			f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" is embedded, and under its new name the field would be called "+to,
				"give the field a name: "+r.sel.Sel.Name+" "+r.from.name+"."+to)
		default:
			f.rename(r, to)
		}
	}
}

// rewriteParentIDs hands grpc.WithChannelzParentID what it takes now, where it
// comes from balancer.BuildOptions.
func rewriteParentIDs(f *file) {
	for _, r := range f.refs {
		call, called := f.called(r.sel)
		if !r.is(grpcPath, "WithChannelzParentID") || !called || len(call.Args) != 1 {
			continue
		}
		if arg, ok := call.Args[0].(*ast.SelectorExpr); ok && f.member(arg) == "balancer.BuildOptions.ChannelzParentID" {
			f.replace(arg.Sel.Pos(), arg.Sel.End(), "ChannelzParent")
			f.site(arg, f.text(arg))
			r.done = true
		}
	}
}
