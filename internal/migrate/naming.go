package migrate

import "strconv"

// importNaming gives the removed package its new path. The name by which the
// file calls it stays.
func importNaming(f *file) {
	for _, i := range f.imports {
		if i.path != grpcNamingPath {
			continue
		}
		f.site(i.spec, i.path)
		f.moveImport(i, namingPath)
	}
}

// movedToNaming are names that package grpc had around v1.4 and that moved to
// its package naming.
var movedToNaming = []string{"AddressType", "Backend", "GRPCLB", "AddrMetadataGRPCLB"}

func toNaming(f *file) {
	for _, r := range f.refs {
		if r.is(grpcPath, movedToNaming...) {
			f.moveTo(r, namingPath, "naming", r.sel.Sel.Name)
		}
	}
}

// unvendor imports a package of grpc's by its own path where a file spells out
// a vendor directory: its types are to be those that ours use.
func (f *file) unvendor(i *importSpec) {
	if path, _ := strconv.Unquote(i.spec.Path.Value); path != i.path && !i.moved {
		f.replace(i.spec.Path.Pos(), i.spec.Path.End(), strconv.Quote(i.path))
		f.site(i.spec, i.path)
	}
}
