package migrate

import (
	"go/ast"
	"strings"
)

// gone are names that no rewrite can replace, by package, and what to write.
// Those of package grpc are in docs/names.md with an example each.
var gone = map[string]map[string]string{
	grpcPath: {
		"WithServiceConfig":               "write grpc.WithDefaultServiceConfig with JSON, or let a resolver send the config",
		"NewGRPCLBBalancer":               `import google.golang.org/grpc/balancer/grpclb and write adapter.WithBalancerName("grpclb")`,
		"NewLBBuilderWithFallbackTimeout": `import google.golang.org/grpc/balancer/grpclb and write adapter.WithBalancerName("grpclb")`,
		"WithBalancerBuilder":             "write balancer.Register(builder) at init time and adapter.WithBalancerName(builder.Name())",
	},
	resolverPath: {
		"AddressType":          "leave the type out: addresses of load balancers are in grpclbstate",
		"Backend":              "leave the type out: every address is a backend",
		"GRPCLB":               "write grpclbstate.Set of google.golang.org/grpc/balancer/grpclb/state",
		"UnregisterForTesting": "write grpc.WithResolvers, which registers nothing",
	},
	metadataPath: {
		"FromContext": "write metadata.FromIncomingContext in a server, metadata.FromOutgoingContext in a client",
		"NewContext":  "write metadata.NewOutgoingContext in a client, metadata.NewIncomingContext in a server",

		"FromOutgoingContextRaw": "write metadata.FromOutgoingContext, which returns a copy",
	},
	connectivityPath: {
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
var goneFields = map[string]string{
	"grpc.ServiceConfig.LB": "write loadBalancingConfig in the JSON of the config, or adapter.WithBalancerAndServiceConfig",
	"stats.InPayload.Data":  "write Payload, the message",
	"stats.OutPayload.Data": "write Payload, the message",
}

// gonePackages are packages that grpc-go has no more.
var gonePackages = map[string]string{
	grpcPath + "/grpclb":                    "import google.golang.org/grpc/balancer/grpclb",
	grpcPath + "/transport":                 "do without it: it is internal to grpc",
	grpcPath + "/reflection/grpc_testingv3": "import your own messages",
	grpcPath + "/stats/grpc_testing":        "import your own messages",
}

func reportGone(f *file) {
	for _, i := range f.imports {
		if write := gonePackages[i.path]; write != "" {
			f.report(i.spec.Pos(), linkGone, "package "+i.path+" is gone", write)
		}
		if i.name == "." {
			f.reportDot(i.path)
		}
	}
	for _, r := range f.refs {
		if write := gone[r.from.path][r.sel.Sel.Name]; write != "" && !r.done {
			f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" is gone", write)
		}
		if r.is(grpcPath, "WithChannelzParentID") && !r.done {
			f.reportParentID(r)
		}
	}
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		if write := goneFields[member]; write != "" {
			f.report(sel.Sel.Pos(), linkGone, "the field "+member+" is gone", write)
		}
	})
	f.eachLiteral("grpc.ServiceConfig", func(lit *ast.CompositeLit) {
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && f.text(kv.Key) == "LB" {
				f.report(kv.Pos(), linkGone, "the field grpc.ServiceConfig.LB is gone", goneFields["grpc.ServiceConfig.LB"])
			}
		}
	})
}

// reportParentID reports an argument other than that of build options, which has
// the type that the option takes now.
func (f *file) reportParentID(r *ref) {
	if call, ok := f.called(r.sel); ok && len(call.Args) == 1 {
		if arg, ok := call.Args[0].(*ast.SelectorExpr); ok && arg.Sel.Name == "ChannelzParent" {
			return
		}
	}
	f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" takes a channelz.Identifier now, not an int64",
		"write grpc.WithChannelzParentID(opts.ChannelzParent), of balancer.BuildOptions")
}

// reportDot reports what a dot import of a package used to bring.
func (f *file) reportDot(path string) {
	name := path[strings.LastIndex(path, "/")+1:]
	removed := make(map[string]bool)
	add := func(names ...string) {
		for _, n := range names {
			removed[n] = true
		}
	}
	for n := range gone[path] {
		add(n)
	}
	switch path {
	case grpcPath:
		add("WithWaitForHandshake")
		add(movedToAdapter...)
		add(movedToNaming...)
		for n := range connectivityNames {
			add(n)
		}
	case resolverPath:
		for n := range renamed {
			add(n)
		}
	case manualPath:
		add("GenerateAndRegisterManualResolver")
	}
	for _, id := range f.tree.Unresolved {
		if removed[id.Name] && !f.pkg.names[id.Name] {
			f.report(id.Pos(), linkCompile, id.Name+" came with a dot import of package "+name+", and is gone from it",
				"import "+name+" under its name, write "+name+"."+id.Name+", and run grpcnaming migrate again")
		}
	}
}
