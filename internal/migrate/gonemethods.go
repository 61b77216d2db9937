package migrate

import "go/ast"

// goneMethods are methods of interfaces that have them no more, by the package
// of the interface, and what to write. Their names say enough: nothing else in
// a file that imports the package bears them.
var goneMethods = map[string]map[string]string{
	grpcPath + "/balancer": {
		"HandleResolvedAddrs":      "write UpdateClientConnState and ResolverError",
		"HandleSubConnStateChange": "write a StateListener in balancer.NewSubConnOptions",
		"UpdateBalancerState":      "write UpdateState",
	},
	grpcPath + "/resolver": {
		"NewServiceConfig": "write UpdateState, with what ParseServiceConfig returns",
	},
}

// reportMethods reports declarations and calls of methods that are gone, and
// those that have other parameters now.
func (f *file) reportMethods() {
	gone := make(map[string]string)
	for _, i := range f.imports {
		for name, write := range goneMethods[i.path] {
			gone[name] = write
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Recv == nil {
				return true
			}
			if write := gone[n.Name.Name]; write != "" {
				f.report(n.Name.Pos(), linkGone, "the method "+n.Name.Name+" is gone", write)
			}
			f.reportPick(n)
		case *ast.CallExpr:
			if sel, ok := n.Fun.(*ast.SelectorExpr); ok && gone[sel.Sel.Name] != "" {
				f.report(sel.Sel.Pos(), linkGone, "the method "+sel.Sel.Name+" is gone", gone[sel.Sel.Name])
			}
			f.reportArguments(n)
		}
		return true
	})
}

// reportPick reports methods of pickers and their builders as they were.
func (f *file) reportPick(d *ast.FuncDecl) {
	params := d.Type.Params.List
	switch {
	case d.Name.Name == "Pick" && d.Type.Params.NumFields() == 2 && f.mentions(params[len(params)-1].Type, grpcPath+"/balancer", "PickInfo", "PickOptions"):
		f.report(d.Name.Pos(), linkGone, "a picker has another method Pick now", "write Pick(balancer.PickInfo) (balancer.PickResult, error); the context is in PickInfo.Ctx")
	case d.Name.Name == "Build" && len(params) == 1:
		if m, ok := params[0].Type.(*ast.MapType); ok && f.mentions(m.Key, grpcPath+"/resolver", "Address") {
			f.report(d.Name.Pos(), linkGone, "a picker builder has another method Build now", "write Build(base.PickerBuildInfo) balancer.Picker; the map is ReadySCs, by SubConn")
		}
	}
}

// reportArguments reports calls of functions that take others now.
func (f *file) reportArguments(call *ast.CallExpr) {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return
	}
	r := f.refOf(sel)
	switch {
	case r.is(grpcPath+"/balancer/base", "NewBalancerBuilder") && len(call.Args) == 2:
		f.report(sel.Pos(), linkGone, f.text(sel)+" takes a third argument now", "add base.Config{}")
	case r.is(grpcPath+"/attributes", "New") && (len(call.Args) != 2 || call.Ellipsis.IsValid()):
		f.report(sel.Pos(), linkGone, f.text(sel)+" takes one key and its value now", "write attributes.New(key, value), and WithValue for each further pair")
	}
}

// mentions says whether e is one of the names of a package.
func (f *file) mentions(e ast.Expr, path string, names ...string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && f.refOf(sel).is(path, names...)
}
