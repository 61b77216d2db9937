package migrate

import "go/ast"

// connectivityNames are those of package grpc up to v1.4, and what package
// connectivity calls them.
var connectivityNames = map[string]string{
	"ConnectivityState": "State",
	"Idle":              "Idle",
	"Connecting":        "Connecting",
	"Ready":             "Ready",
	"TransientFailure":  "TransientFailure",
	"Shutdown":          "Shutdown",
}

func toConnectivity(f *file) {
	for _, r := range f.refs {
		to := connectivityNames[r.sel.Sel.Name]
		if r.from.path != grpcPath || to == "" {
			continue
		}
		if f.embedded(r.sel) && to != r.sel.Sel.Name {
			f.report(r.sel.Pos(), linkGone, "grpc.ConnectivityState is embedded, and under its new name the field would be called State",
				"give the field a name: ConnectivityState connectivity.State")
			continue
		}
		f.moveTo(r, connectivityPath, "connectivity", to)
	}
}

// embedded says whether e is an embedded field of a struct.
func (f *file) embedded(e ast.Expr) bool {
	field, ok := f.parents[e].(*ast.Field)
	if !ok || len(field.Names) > 0 {
		return false
	}
	_, ok = f.parents[f.parents[field]].(*ast.StructType)
	return ok
}
