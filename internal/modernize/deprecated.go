package modernize

import (
	"go/ast"
	"go/types"
	"strconv"
	"strings"
)

type left struct{ path, name, write string }

// deprecated has what grpc-go v1.85 has deprecated and no other analyzer rewrites, or
// not everywhere, and what to write instead. A name is that of something in the
// package, of a field or method with that of its type, or empty for the package.
var deprecated = []left{
	{grpcPath, "BackoffConfig", "write a backoff.Config: backoff.DefaultConfig, and its MaxDelay"},
	{grpcPath, "DefaultBackoffConfig", "write backoff.DefaultConfig for its value, and grpc.WithConnectParams for another"},
	{grpcPath, "Codec", "write encoding.Codec, which has Name in place of String"},
	{grpcPath, "Compressor", "write an encoding.Compressor and register it with encoding.RegisterCompressor in an init"},
	{grpcPath, "Decompressor", "write an encoding.Compressor and register it with encoding.RegisterCompressor in an init"},
	{grpcPath, "NewGZIPCompressor", "import google.golang.org/grpc/encoding/gzip and write grpc.UseCompressor(gzip.Name)"},
	{grpcPath, "NewGZIPCompressorWithLevel", "write grpc.UseCompressor(gzip.Name), and gzip.SetLevel in an init"},
	{grpcPath, "NewGZIPDecompressor", "import google.golang.org/grpc/encoding/gzip, which does without it"},
	{grpcPath, "ErrClientConnClosing", "write status.Code(err) == codes.Canceled"},
	{grpcPath, "ErrClientConnTimeout", "leave it out: grpc never returns it; a wait ends with the error of its context"},
	{grpcPath, "MethodConfig", "write the service config as JSON, for grpc.WithDefaultServiceConfig or ParseServiceConfig"},
	{grpcPath, "ServiceConfig", "write the service config as JSON, for grpc.WithDefaultServiceConfig or ParseServiceConfig"},
	{grpcPath, "Stream", "write grpc.ClientStream or grpc.ServerStream"},
	{grpcPath, "Stream.Context", "write grpc.ClientStream or grpc.ServerStream"},
	{grpcPath, "Stream.SendMsg", "write grpc.ClientStream or grpc.ServerStream"},
	{grpcPath, "Stream.RecvMsg", "write grpc.ClientStream or grpc.ServerStream"},
	{grpcPath, "WithSharedWriteBuffer", "leave it out: true is the default with grpc-go v1.85"},
	{grpcPath, "SharedWriteBuffer", "leave it out: true is the default with grpc-go v1.85"},
	{grpcPath, "WithRecvBufferPool", "leave it out: today's grpc-go has a pool of its own"},
	{grpcPath, "RecvBufferPool", "leave it out: today's grpc-go has a pool of its own"},

	{balancerPath, "ErrTransientFailure", "write the error of the last connection; grpc treats all alike that are no status"},
	{balancerPath, "ExitIdler", "call ExitIdle itself: each Balancer has it with grpc-go v1.85"},
	{balancerPath, "NewSubConnOptions.CredsBundle", "write what a handshake needs into Attributes of the resolver.Address"},
	{balancerPath, "Balancer.UpdateSubConnState", "write a StateListener in NewSubConnOptions"},
	{balancerPath, "ClientConn.NewSubConn", "give it one address only; there is no other way to make a SubConn yet"},
	{balancerPath, "ClientConn.RemoveSubConn", "write Shutdown() of the SubConn"},
	{balancerPath, "ClientConn.Target", "write Target of the balancer.BuildOptions"},
	{balancerPath, "ClientConn.UpdateAddresses", "make a new SubConn for new addresses"},
	{balancerPath, "SubConn.UpdateAddresses", "make a new SubConn for new addresses"},

	{resolverPath, "Address.BalancerAttributes", "write Attributes of the resolver.Endpoint"},
	{resolverPath, "Address.Metadata", "write Attributes"},
	{resolverPath, "Address.Type", "leave it out: grpc does not look at it"},
	{resolverPath, "AddressMap", "write resolver.AddressMapV2"},
	{resolverPath, "NewAddressMap", "write resolver.NewAddressMapV2"},
	{resolverPath, "ClientConn.NewAddress", "write UpdateState(resolver.State{Addresses: addresses})"},
	{resolverPath + "/dns", "NewBuilder", `import google.golang.org/grpc and write resolver.Get("dns")`},

	{grpcPath + "/credentials", "ProtocolInfo.ProtocolVersion", "leave it out: grpc does not look at it"},
	{grpcPath + "/credentials", "ProtocolInfo.SecurityVersion", "write AuthInfo of the peer.Peer"},
	{grpcPath + "/credentials", "ProtocolInfo.ServerName", "write grpc.WithAuthority"},
	{grpcPath + "/credentials", "TransportCredentials.OverrideServerName", "write grpc.WithAuthority"},
	{grpcPath + "/credentials/oauth", "NewOauthAccess", "write oauth.TokenSource{TokenSource: oauth2.StaticTokenSource(token)}"},

	{grpcPath + "/grpclog", "Logger", "write a grpclog.LoggerV2, as grpclog.NewLoggerV2 makes one of three io.Writers"},
	{grpcPath + "/grpclog", "SetLogger", "write grpclog.SetLoggerV2"},

	{grpcPath + "/stats", "OutTrailer.WireLength", "leave it out: grpc does not set it"},
	{grpcPath + "/stats", "SetTags", `write metadata.AppendToOutgoingContext of "grpc-tags-bin", from grpc-go v1.69 on`},
	{grpcPath + "/stats", "SetTrace", `write metadata.AppendToOutgoingContext of "grpc-trace-bin", from grpc-go v1.69 on`},
	{grpcPath + "/stats", "Tags", `write metadata.ValueFromIncomingContext of "grpc-tags-bin", from grpc-go v1.69 on`},
	{grpcPath + "/stats", "Trace", `write metadata.ValueFromIncomingContext of "grpc-trace-bin", from grpc-go v1.69 on`},

	{grpcPath + "/reflection/grpc_reflection_v1alpha", "", "write grpc_reflection_v1: reflection.Register serves both"},
}

// Deprecated reports what is left of what grpc-go has deprecated.
var Deprecated = newAnalyzer("deprecated", "report what grpc-go has deprecated and nothing else rewrites", func(f *file) {
	in := make(map[*types.Package]map[types.Object]left)
	all(f, func(id *ast.Ident) {
		o := origin(f.pass.TypesInfo.Uses[id])
		if o == nil || o.Pkg() == nil || o.Pkg() == f.pass.Pkg {
			return
		}
		if in[o.Pkg()] == nil {
			in[o.Pkg()] = deprecatedIn(o.Pkg())
		}
		if d, ok := in[o.Pkg()][o]; ok {
			f.left(id, o.Pkg().Name()+"."+d.name+" is deprecated", d.write)
		} else if rawDescriptor(o) {
			f.left(id, o.Name()+" of a message or enum of grpc's is deprecated",
				"write ProtoReflect().Descriptor(), or Descriptor() of an enum")
		}
	})
	for _, s := range f.tree.Imports {
		for _, d := range deprecated {
			if p, err := strconv.Unquote(s.Path.Value); err == nil && d.path == p && d.name == "" {
				f.left(s, "package "+strings.TrimPrefix(p, grpcPath+"/")+" is deprecated", d.write)
			}
		}
	}
})

// deprecatedIn has what is deprecated in a package.
func deprecatedIn(pkg *types.Package) map[types.Object]left {
	in := make(map[types.Object]left)
	for _, d := range deprecated {
		if d.path == pkg.Path() && d.name != "" {
			if o := member(pkg, d.name); o != nil {
				in[o] = d
			}
		}
	}
	return in
}

// rawDescriptor says whether o is a method of generated code that returns a compressed
// file descriptor, and where in it something is.
func rawDescriptor(o types.Object) bool {
	fn, ok := o.(*types.Func)
	return ok && strings.HasPrefix(fn.Pkg().Path(), grpcPath+"/") &&
		fn.Signature().Recv() != nil && fn.Signature().Results().Len() == 2 &&
		(fn.Name() == "Descriptor" || fn.Name() == "EnumDescriptor")
}
