package migrate

import (
	"go/ast"
	"strings"
)

// splitMetadata chooses between incoming and outgoing metadata, where the
// function around tells a server from a client.
func splitMetadata(f *file) {
	for _, r := range f.refs {
		if !r.is(metadataPath, "FromContext", "NewContext") {
			continue
		}
		switch side := f.side(r.sel); {
		case side == "client":
			f.rename(r, strings.Replace(r.sel.Sel.Name, "Context", "OutgoingContext", 1))
		case side == "server" && r.sel.Sel.Name == "FromContext":
			f.rename(r, "FromIncomingContext")
		}
	}
}

// sides has what only a server or a client has to do with, by their names in
// package grpc.
var sides = map[string]string{
	"ServerOption": "server", "ServerStream": "server", "StreamHandler": "server", "StreamServerInfo": "server",
	"StreamServerInterceptor": "server", "UnaryHandler": "server", "UnaryServerInfo": "server", "UnaryServerInterceptor": "server",

	"CallOption": "client", "ClientConn": "client", "ClientStream": "client", "DialOption": "client",
	"StreamClientInterceptor": "client", "Streamer": "client", "UnaryClientInterceptor": "client", "UnaryInvoker": "client",
}

// side says whether n is in a function of a server or of a client: by its
// parameters and results, or by the name of the type that it is a method of.
func (f *file) side(n ast.Node) string {
	for n = f.parents[n]; n != nil; n = f.parents[n] {
		var t *ast.FuncType
		var recv string
		switch n := n.(type) {
		case *ast.FuncLit:
			t = n.Type
		case *ast.FuncDecl:
			t, recv = n.Type, strings.ToLower(receiver(n))
		default:
			continue
		}
		server, client := f.mentionsSide(t, "server"), f.mentionsSide(t, "client")
		if server == client {
			server, client = strings.Contains(recv, "server"), strings.Contains(recv, "client")
		}
		switch {
		case server && !client:
			return "server"
		case client && !server:
			return "client"
		}
	}
	return ""
}

// mentionsSide says whether a parameter or a result is of one side.
func (f *file) mentionsSide(t *ast.FuncType, side string) (found bool) {
	ast.Inspect(t, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		r := f.refOf(sel)
		found = found || r != nil && r.from.path == grpcPath && sides[sel.Sel.Name] == side
		// As protoc-gen-go calls the streams of a service: pb.Service_MethodServer.
		if r == nil && strings.Contains(sel.Sel.Name, "_") {
			found = found || strings.HasSuffix(strings.ToLower(sel.Sel.Name), side)
		}
		return true
	})
	return found
}
