package migrate

import "go/ast"

// draftSite is the first place that only the draft can be behind; nil if there
// is none.
func (f *file) draftSite() (site ast.Node) {
	imported := false
	for _, i := range f.imports {
		imported = imported || i.path == balancerPath || i.path == basePath || i.path == resolverPath
	}
	if !imported {
		return nil
	}
	at := func(n ast.Node) {
		if site == nil || n.Pos() < site.Pos() {
			site = n
		}
	}
	for _, r := range f.refs {
		call, called := f.called(r.sel)
		if r.is(r.from.path, draftNames[r.from.path]...) || r.is(basePath, "NewBalancerBuilder") && called && len(call.Args) == 2 {
			at(r.sel)
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		t, ok := n.(*ast.FuncType)
		if !ok {
			return true
		}
		params := flat(t.Params)
		switch name := f.methodName(t); {
		case len(params) == 2 && f.mentions(params[1], balancerPath, "PickInfo", "PickOptions") && t.Results.NumFields() == 3:
			at(f.declared(t)) // as Pick is; or a function beside it
		case name == nil:
		case name.Name == "Build" && len(params) == 1 && f.isReadyMap(params[0]),
			name.Name == "HandleResolvedAddrs" && len(params) == 2 && f.isAddresses(params[0]),
			name.Name == "HandleSubConnStateChange" && len(params) == 2 && f.mentions(params[0], balancerPath, "SubConn"),
			name.Name == "UpdateBalancerState" && len(params) == 2 && f.mentions(params[1], balancerPath, "Picker"):
			at(name)
		}
		return true
	})
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		switch call, called := f.called(sel); {
		case member == "balancer.Balancer.HandleResolvedAddrs", member == "balancer.Balancer.HandleSubConnStateChange",
			member == "balancer.ClientConn.UpdateBalancerState", member == "balancer.BuildOptions.ChannelzParentID",
			member == "balancer.Picker.Pick" && called && len(call.Args) == 2:
			at(sel.Sel)
		}
	})
	f.eachLiteral("balancer.BuildOptions", func(lit *ast.CompositeLit) {
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && f.text(kv.Key) == "ChannelzParentID" {
				at(kv.Key)
			}
		}
	})
	return site
}

// usesToday says whether the file has what the draft did not have.
func (f *file) usesToday() (today bool) {
	for _, r := range f.refs {
		if r.from.path == balancerPath || r.from.path == basePath {
			call, called := f.called(r.sel)
			today = today || legacy().packages[r.from.path].Scope().Lookup(r.sel.Sel.Name) == nil ||
				r.is(basePath, "NewBalancerBuilder") && called && len(call.Args) == 3
		}
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncType:
			params, results := flat(n.Params), flat(n.Results)
			if len(params) == 1 && len(results) == 1 && f.mentions(params[0], basePath, "PickerBuildInfo") && f.mentions(results[0], balancerPath, "Picker") {
				today = true
			}
		case *ast.SelectorExpr:
			switch n.Sel.Name {
			case "UpdateClientConnState", "UpdateSubConnState", "ResolverError", "ExitIdle":
				today = today || f.is(n.X, "balancer.Balancer")
			}
		}
		return true
	})
	return today
}

// flat are the types of a list, one for each name.
func flat(list *ast.FieldList) (types []ast.Expr) {
	if list == nil {
		return nil
	}
	for _, f := range list.List {
		for range max(1, len(f.Names)) {
			types = append(types, f.Type)
		}
	}
	return types
}

// methodName is the name of the method that t is the type of, in a declaration
// or an interface; nil if it is none.
func (f *file) methodName(t *ast.FuncType) *ast.Ident {
	switch p := f.parents[t].(type) {
	case *ast.FuncDecl:
		if p.Recv != nil {
			return p.Name
		}
	case *ast.Field:
		if _, ok := f.parents[f.parents[p]].(*ast.InterfaceType); ok && len(p.Names) == 1 {
			return p.Names[0]
		}
	}
	return nil
}

// declared is the name that t is declared under, or t itself.
func (f *file) declared(t *ast.FuncType) ast.Node {
	if d, ok := f.parents[t].(*ast.FuncDecl); ok {
		return d.Name
	}
	if name := f.methodName(t); name != nil {
		return name
	}
	return t
}

func (f *file) isReadyMap(e ast.Expr) bool {
	m, ok := e.(*ast.MapType)
	return ok && f.mentions(m.Key, resolverPath, "Address") && f.mentions(m.Value, balancerPath, "SubConn")
}

func (f *file) isAddresses(e ast.Expr) bool {
	a, ok := e.(*ast.ArrayType)
	return ok && a.Len == nil && f.mentions(a.Elt, resolverPath, "Address")
}

// mentions says whether e is one of the names of a package.
func (f *file) mentions(e ast.Expr, path string, names ...string) bool {
	sel, ok := e.(*ast.SelectorExpr)
	return ok && f.refOf(sel).is(path, names...)
}
