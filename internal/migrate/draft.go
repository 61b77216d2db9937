package migrate

import (
	"go/ast"
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// The balancer API of grpc-go v1.9 to v1.29 was a draft: its interfaces have
// today's names and other methods. Package adapter/balancer has the draft. A
// program was built with one grpc-go, and so was written against one of both;
// what tells which it was are the names, methods and signatures that only one
// of them has. A package that has none of them goes with the others of its
// module.

// A draftUse says which balancer API a package was written against.
type draftUse struct {
	draft  bool // it has what only the draft has
	moved  bool // a file of it imports the draft from its new place
	today  bool // it has what only today's has
	either bool // it has names that mean something else in each
	module bool // its module was built with a grpc-go of that time
}

// moves says whether the package is to import the draft.
func (d draftUse) moves() bool { return d.draft || d.moved || d.module && d.either && !d.today }

var (
	draftNames = map[string][]string{
		balancerPath: {"PickOptions", "V2Balancer", "V2Picker"},
		basePath:     {"NewBalancerBuilderV2", "NewBalancerBuilderWithConfig", "NewErrPickerV2", "V2PickerBuilder"},
	}
	changedNames = map[string][]string{
		balancerPath: {"Balancer", "BuildOptions", "Builder", "ClientConn", "Get", "Picker", "Register"},
		basePath:     {"NewBalancerBuilder", "NewErrPicker", "PickerBuilder"},
	}
)

// add looks at what a file has.
func (d *draftUse) add(f *file) {
	draft := f.draftSite() != nil
	f.today = f.usesToday()
	d.draft, d.today = d.draft || draft, d.today || f.today
	for _, i := range f.imports {
		d.moved = d.moved || within(i.path, draftBalancerPath)
	}
	for _, r := range f.refs {
		d.either = d.either || r.is(r.from.path, changedNames[r.from.path]...)
	}
}

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

// importDraft lets a package of the draft import it from its new place.
func importDraft(f *file) {
	if !f.pkg.draft.moves() {
		return
	}
	site := f.draftSite()
	if site == nil && f.today {
		return
	}
	for _, i := range f.imports {
		to := draftBalancerPath
		switch {
		case i.path == basePath:
			to = draftBasePath
		case i.path != balancerPath:
			continue
		}
		if i.name == "_" {
			continue
		}
		if site != nil {
			f.site(site, f.text(site))
			site = nil
		} else {
			f.site(i.spec, i.path)
		}
		f.moveImport(i, to)
	}
}

// settleDrafts finds the modules that were built with a grpc-go of the draft: as
// go.mod says, before it is raised, or as a package of it shows.
func settleDrafts(dirs []*loadedDir) {
	drafts := make(map[string]bool) // by the module's directory
	known := make(map[string]string)
	for _, l := range dirs {
		m := moduleDir(l.path, known)
		if _, seen := drafts[m]; !seen {
			drafts[m] = requiresDraft(filepath.Join(m, "go.mod"))
		}
		for _, p := range l.pkgs {
			drafts[m] = drafts[m] || p.draft.draft
		}
	}
	for _, l := range dirs {
		for _, p := range l.pkgs {
			p.draft.module = drafts[moduleDir(l.path, known)]
		}
	}
}

// requiresDraft says whether a go.mod asks for a grpc-go of the draft.
func requiresDraft(file string) bool {
	data, err := os.ReadFile(file)
	if err != nil {
		return false
	}
	g, err := modfile.Parse(file, data, nil)
	if err != nil {
		return false
	}
	version := ""
	for _, r := range g.Require {
		if r.Mod.Path == grpcPath {
			version = r.Mod.Version
		}
	}
	for _, r := range g.Replace {
		if r.Old.Path == grpcPath && r.New.Version != "" {
			version = r.New.Version
		}
	}
	return version != "" && semver.Compare(version, "v1.30.0") < 0
}

// moduleDir is the nearest directory upwards that has a go.mod, "" for none.
func moduleDir(dir string, known map[string]string) string {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if m, ok := known[abs]; ok {
		return m
	}
	m := ""
	if _, err := os.Stat(filepath.Join(abs, "go.mod")); err == nil {
		m = abs
	} else if up := filepath.Dir(abs); up != abs {
		m = moduleDir(up, known)
	}
	known[abs] = m
	return m
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
