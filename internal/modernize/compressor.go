package modernize

import (
	"go/ast"
	"go/types"
	"slices"
	"strconv"

	"golang.org/x/tools/go/analysis"
)

const gzipPath = grpcPath + "/encoding/gzip"

// gzipRegistered is what the import of encoding/gzip changes: see NewStream in grpc's
// http2_client.go, and how its server.go chooses compressors.
const gzipRegistered = "importing encoding/gzip registers it for the whole program: its channels say that they accept gzip, " +
	"its servers take gzip and answer a request in gzip with gzip"

const ownCompressor = "register an encoding.Compressor with encoding.RegisterCompressor in an init, as package encoding/gzip does"

// Compressor replaces the gzip of package grpc by that of package encoding/gzip, which
// is registered by being imported. An option that is no longer needed goes. It does one
// thing at a time in a file that has no such import yet: what comes after it changes
// nothing more.
var Compressor = newAnalyzer("compressor", "replace the gzip options of package grpc by package encoding/gzip", func(f *file) {
	waits := false
	f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
		if !f.isCall(call.Args[0], grpcPath, "NewGZIPCompressor") {
			f.left(call, "grpc.WithCompressor is deprecated", ownCompressor+", and write "+
				"grpc.WithDefaultCallOptions(grpc.UseCompressor(name)); gzip.SetLevel sets the level of that")
			return
		}
		if waits {
			return
		}
		message := "grpc.WithCompressor is deprecated: use grpc.WithDefaultCallOptions(grpc.UseCompressor(gzip.Name)); " +
			"health checks that the channel makes are not compressed any more"
		if f.imported(gzipPath) == nil {
			waits = true
			message += "; " + gzipRegistered
		}
		gzip, edits := f.nameAt(call.Pos(), gzipPath)
		edits = append(edits, callOther(call, "WithDefaultCallOptions", f.beside(call, "UseCompressor")+"(", ")")...)
		f.change(call, message, append(edits, replace(call.Args[0].Pos(), call.Args[0].End(), gzip+".Name"))...)
	}, "WithCompressor")
	f.calls(grpcPath, func(call *ast.CallExpr, name string) {
		if !f.isCall(call.Args[0], grpcPath, "NewGZIPDecompressor") {
			f.left(call, "grpc."+name+" is deprecated", ownCompressor+", and leave the option out")
			return
		}
		edits, ok := f.withoutOption(call)
		message := "grpc." + name + " is deprecated: encoding/gzip does without it"
		switch {
		case waits:
		case !ok:
			f.left(call, "grpc."+name+" is deprecated", "import google.golang.org/grpc/encoding/gzip, and leave the option out")
		case f.imported(gzipPath) != nil:
			f.rewrite(call, message, edits...)
		default:
			waits = true
			f.change(call, message+"; "+gzipRegistered, append(edits, f.addImport(gzipPath, "_ "+strconv.Quote(gzipPath)))...)
		}
	}, "WithDecompressor", "RPCDecompressor")
	f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
		f.left(call, "grpc.RPCCompressor is deprecated", ownCompressor+": a server answers in what the request came in; "+
			"write grpc.SetSendCompressor(ctx, name) in an interceptor for what is to differ from that")
	}, "RPCCompressor")
	f.leftValues(ownCompressor+", and write grpc.WithDefaultCallOptions(grpc.UseCompressor(name))", "WithCompressor")
	f.leftValues(ownCompressor+", and leave the option out", "WithDecompressor", "RPCDecompressor", "RPCCompressor")
})

// withoutOption takes an option out of the list that it is an element of: that of a
// slice, or of a call's last parameter.
func (f *file) withoutOption(option ast.Expr) (edits []analysis.TextEdit, ok bool) {
	switch list := f.parents[option].(type) {
	case *ast.CompositeLit:
		if _, slice := types.Unalias(f.typeOf(list)).Underlying().(*types.Slice); !slice {
			return nil, false
		}
		for _, e := range list.Elts {
			if _, keyed := e.(*ast.KeyValueExpr); keyed {
				return nil, false
			}
		}
		return f.cutElements(list.Elts, slices.Index(list.Elts, option)), true
	case *ast.CallExpr:
		i := slices.Index(list.Args, option)
		sig, ok := types.Unalias(f.typeOf(list.Fun)).Underlying().(*types.Signature)
		if i < 0 || !ok || !sig.Variadic() || i < sig.Params().Len()-1 || list.Ellipsis.IsValid() {
			return nil, false
		}
		if f.isAppend(list) && len(list.Args) == 2 {
			return f.dropAppend(list), !f.commented(list.Pos(), list.End())
		}
		return f.cutElements(list.Args, i), true
	}
	return nil, false
}
