package migrate

import "go/ast"

// gone are names that no rewrite can replace, by package, and what to write.
// Those of package grpc are in MIGRATING.md with an example each.
var gone = map[string]map[string]string{
	grpcPath: {
		"WithServiceConfig":               "write grpc.WithDefaultServiceConfig with JSON, or let a resolver send the config",
		"NewGRPCLBBalancer":               `import google.golang.org/grpc/balancer/grpclb and write adapter.WithBalancerName("grpclb")`,
		"NewLBBuilderWithFallbackTimeout": `import google.golang.org/grpc/balancer/grpclb and write adapter.WithBalancerName("grpclb")`,
		"WithBalancerBuilder":             "write balancer.Register(builder) at init time and adapter.WithBalancerName(builder.Name())",
	},
	grpcPath + "/resolver": {
		"AddressType":          "leave the type out: addresses of load balancers are in grpclbstate",
		"Backend":              "leave the type out: every address is a backend",
		"GRPCLB":               "write grpclbstate.Set of google.golang.org/grpc/balancer/grpclb/state",
		"BuildOption":          "write resolver.BuildOptions",
		"ResolveNowOption":     "write resolver.ResolveNowOptions",
		"UnregisterForTesting": "write grpc.WithResolvers, which registers nothing",
	},
	grpcPath + "/resolver/manual": {
		"GenerateAndRegisterManualResolver": "write manual.NewBuilderWithScheme and grpc.WithResolvers",
	},
	grpcPath + "/balancer": {
		"PickOptions": "write balancer.PickInfo, which also has the context",
		"V2Balancer":  "write balancer.Balancer",
		"V2Picker":    "write balancer.Picker",
	},
	grpcPath + "/balancer/base": {
		"NewBalancerBuilderV2":         "write base.NewBalancerBuilder",
		"NewBalancerBuilderWithConfig": "write base.NewBalancerBuilder",
		"V2PickerBuilder":              "write base.PickerBuilder",
		"NewErrPickerV2":               "write base.NewErrPicker",
	},
	grpcPath + "/metadata": {
		"FromContext": "write metadata.FromIncomingContext in a server, metadata.FromOutgoingContext in a client",
		"NewContext":  "write metadata.NewOutgoingContext in a client, metadata.NewIncomingContext in a server",

		"FromOutgoingContextRaw": "write metadata.FromOutgoingContext, which returns a copy",
	},
	grpcPath + "/connectivity": {
		"Reporter": "leave it out: GetState and WaitForStateChange are methods of grpc.ClientConn",
	},
	grpcPath + "/stats": {
		"OutgoingTags":     "write metadata.FromOutgoingContext, and take the key grpc-tags-bin",
		"OutgoingTrace":    "write metadata.FromOutgoingContext, and take the key grpc-trace-bin",
		"SetIncomingTags":  "write metadata.NewIncomingContext with the key grpc-tags-bin",
		"SetIncomingTrace": "write metadata.NewIncomingContext with the key grpc-trace-bin",
	},
}

// goneFields are fields that types have no more, and what to write.
var goneFields = map[string]map[string]map[string]string{
	grpcPath: {
		"ServiceConfig": {"LB": "write loadBalancingConfig in the JSON of the config, or adapter.WithBalancerAndServiceConfig"},
	},
	grpcPath + "/resolver": {
		"Address": {"Type": "leave it out: every address is a backend, those of load balancers are set by grpclbstate.Set"},
		"Target": {
			"Scheme":    "write Target.URL.Scheme; a literal is resolver.Target{URL: ...}, from url.Parse",
			"Authority": "write Target.URL.Host; a literal is resolver.Target{URL: ...}, from url.Parse",
			"Endpoint":  "write Target.Endpoint(), which is a method; a literal is resolver.Target{URL: ...}, from url.Parse",
		},
	},
}

// gonePackages are packages that grpc-go has no more.
var gonePackages = map[string]string{
	grpcPath + "/grpclb":                     "import google.golang.org/grpc/balancer/grpclb",
	grpcPath + "/grpclb/grpc_lb_v1":          "import google.golang.org/grpc/balancer/grpclb/grpc_lb_v1",
	grpcPath + "/grpclb/grpc_lb_v1/messages": "import google.golang.org/grpc/balancer/grpclb/grpc_lb_v1",
	grpcPath + "/grpclb/grpc_lb_v1/service":  "import google.golang.org/grpc/balancer/grpclb/grpc_lb_v1",
	grpcPath + "/transport":                  "do without it: it is internal to grpc",
	grpcPath + "/reflection/grpc_testingv3":  "import your own messages",
	grpcPath + "/stats/grpc_testing":         "import your own messages",
}

func reportGone(f *file) {
	for _, i := range f.imports {
		if write := gonePackages[i.path]; write != "" {
			f.report(i.spec.Pos(), linkGone, "package "+i.path+" is gone", write)
		}
		if i.name == "." && i.path == grpcPath {
			f.reportDot()
		}
	}
	for _, r := range f.refs {
		name := r.sel.Sel.Name
		if write := gone[r.from.path][name]; write != "" {
			f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" is gone", write)
		}
		if r.is(grpcPath, "WithChannelzParentID") {
			f.reportParentID(r)
		}
		for field, write := range goneFields[r.from.path][name] {
			f.reportKey(r, field, write)
		}
	}
	f.reportSelectors()
	f.reportMethods()
}

// reportKey reports a key of the composite literals of the type r, those in
// a slice, an array or a map of it included.
func (f *file) reportKey(r *ref, field, write string) {
	var lits []ast.Expr
	switch p := f.parents[r.sel].(type) {
	case *ast.CompositeLit:
		lits = append(lits, p)
	case *ast.ArrayType, *ast.MapType:
		if list, ok := f.parents[p].(*ast.CompositeLit); ok && list.Type == p {
			for _, e := range list.Elts {
				if kv, ok := e.(*ast.KeyValueExpr); ok {
					e = kv.Value
				}
				lits = append(lits, e)
			}
		}
	}
	for _, l := range lits {
		lit, ok := l.(*ast.CompositeLit)
		if !ok || lit.Type != nil && lit.Type != r.sel {
			continue
		}
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok {
				if k, ok := kv.Key.(*ast.Ident); ok && k.Name == field {
					f.report(k.Pos(), linkGone, "the field "+f.text(r.sel)+"."+field+" is gone", write)
				}
			}
		}
	}
}

// reportParentID reports an argument other than the ChannelzParent of build
// options, which has the type that the option takes now.
func (f *file) reportParentID(r *ref) {
	if call, ok := f.parents[r.sel].(*ast.CallExpr); ok && call.Fun == r.sel && len(call.Args) == 1 {
		if arg, ok := call.Args[0].(*ast.SelectorExpr); ok && arg.Sel.Name == "ChannelzParent" {
			return
		}
	}
	f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" takes a channelz.Identifier now, not an int64",
		"write grpc.WithChannelzParentID(opts.ChannelzParent), of balancer.BuildOptions")
}

// reportDot reports what a dot import of package grpc used to bring.
func (f *file) reportDot() {
	removed := make(map[string]bool)
	for _, n := range append(append([]string{"WithWaitForHandshake"}, movedToAdapter...), movedToNaming...) {
		removed[n] = true
	}
	for n := range connectivityNames {
		removed[n] = true
	}
	for n := range gone[grpcPath] {
		removed[n] = true
	}
	for _, id := range f.tree.Unresolved {
		if removed[id.Name] && !f.pkg.names[id.Name] {
			f.report(id.Pos(), linkCompile, id.Name+" came with a dot import of package grpc, and is gone from it",
				"import grpc under its name, write grpc."+id.Name+", and run grpcnaming migrate again")
		}
	}
}

// reportSelectors reports x.Field where x is declared, as a variable or a
// parameter, with a type that has no such field any more.
func (f *file) reportSelectors() {
	ast.Inspect(f.tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok || x.Obj == nil {
			return true
		}
		var typ ast.Expr
		switch d := x.Obj.Decl.(type) {
		case *ast.Field:
			typ = d.Type
		case *ast.ValueSpec:
			typ = d.Type
		}
		if star, ok := typ.(*ast.StarExpr); ok {
			typ = star.X
		}
		if typ == nil {
			return true
		}
		if _, ok := typ.(*ast.SelectorExpr); !ok {
			return true
		}
		r := f.refOf(typ)
		if r == nil {
			return true
		}
		write := goneFields[r.from.path][r.sel.Sel.Name][sel.Sel.Name]
		if call, ok := f.parents[sel].(*ast.CallExpr); write != "" && !(ok && call.Fun == sel) {
			f.report(sel.Sel.Pos(), linkGone, "the field "+f.text(r.sel)+"."+sel.Sel.Name+" is gone", write)
		}
		return true
	})
}
