package modernize

import (
	"fmt"
	"go/ast"
	"go/types"

	"golang.org/x/tools/go/types/typeutil"
)

// codecOptions has the options that take a grpc.Codec, those that take an
// encoding.Codec, and how these are written.
var codecOptions = []struct{ name, successor, written string }{
	{"CallCustomCodec", "ForceCodec", "grpc.ForceCodec(codec)"},
	{"WithCodec", "ForceCodec", "grpc.WithDefaultCallOptions(grpc.ForceCodec(codec))"},
	{"CustomCodec", "ForceServerCodec", "grpc.ForceServerCodec(codec)"},
}

// Codec replaces grpc.WithCodec, grpc.CallCustomCodec and grpc.CustomCodec, where the
// codec has a method Name and so is an encoding.Codec as well. A server calls Name and
// makes no use of it. A client adds it to the content-type, which grpc-go before v1.66
// did for the old options as well: see setCallInfoCodec in grpc's rpc_util.go.
var Codec = newAnalyzer("codec", "replace grpc.WithCodec, grpc.CallCustomCodec and grpc.CustomCodec", func(f *file) {
	for _, o := range codecOptions {
		f.calls(grpcPath, func(call *ast.CallExpr, name string) {
			edits := callOther(call, o.successor, "", "")
			if name == "WithCodec" {
				edits = callOther(call, "WithDefaultCallOptions", f.beside(call, o.successor)+"(", ")")
			}
			message := fmt.Sprintf("grpc.%s is deprecated: use %s", name, o.written)
			switch {
			case !f.suits(call, o.successor):
				f.left(call, fmt.Sprintf("grpc.%s is deprecated, and the type of its codec has no method Name", name),
					"give it one (see encoding.Codec; a client adds it to the content-type of requests), and write "+o.written)
			case name == "CustomCodec":
				f.rewrite(call, message, edits...)
			default:
				f.change(call, message+`; requests get the content-type "application/grpc+" and the codec's Name, `+
					"by which a server may choose its codec (with grpc-go before v1.66 they had it before)", edits...)
			}
		}, o.name)
		f.leftValues("write a function that takes an encoding.Codec and returns "+o.written, o.name)
	}
})

// suits says whether the argument of a call may be that of another function of the
// same package.
func (f *file) suits(call *ast.CallExpr, other string) bool {
	fn, ok := typeutil.Callee(f.pass.TypesInfo, call).Pkg().Scope().Lookup(other).(*types.Func)
	return ok && types.AssignableTo(f.typeOf(call.Args[0]), fn.Signature().Params().At(0).Type())
}
