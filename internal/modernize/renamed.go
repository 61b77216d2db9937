package modernize

import "go/ast"

// renames has what has another name today and is the same otherwise.
var renames = []struct{ path, old, now string }{
	{grpcPath + "/balancer/base", "NewErrPickerV2", "NewErrPicker"},
	{grpcPath + "/grpclog", "Print", "Info"},
	{grpcPath + "/grpclog", "Printf", "Infof"},
	{grpcPath + "/grpclog", "Println", "Infoln"},
	{grpcPath + "/stats", "PickerUpdated", "DelayedPickComplete"},
}

// Renamed replaces what has another name in the same package. A grpc-go that does not
// have that yet is left alone.
var Renamed = newAnalyzer("renamed", "replace what grpc's packages have under another name", func(f *file) {
	for _, r := range renames {
		f.uses(r.path, func(id *ast.Ident, _ string) {
			pkg := f.pass.TypesInfo.Uses[id].Pkg()
			if pkg.Scope().Lookup(r.now) != nil {
				f.rewrite(f.full(id), pkg.Name()+"."+r.old+" is deprecated: use "+pkg.Name()+"."+r.now, rename(id, r.now))
			}
		}, r.old)
	}
})
