package migrate

import (
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
