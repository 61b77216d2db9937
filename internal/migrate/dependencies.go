package migrate

import (
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// dependencies looks through the packages that a module is built from, as far
// as they are in its vendor directory or in the module cache, for those that
// use the removed API themselves. Packages of modules that go.mod does not list
// are not found.
type dependencies struct {
	m        *goMod
	root     string
	seen     map[string]bool // import paths
	reported map[string]bool // modules, and what about them
}

// report reports each of them once, where the use is.
func (m *goMod) reportDependencies() {
	d := &dependencies{m, filepath.Dir(m.path), make(map[string]bool), make(map[string]bool)}
	var imports []string
	filepath.WalkDir(d.root, func(path string, e fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // reported by the walk for the rewrites
		case e.IsDir():
			if path != d.root && skipped(path) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != d.root {
				return fs.SkipDir
			}
		case strings.HasSuffix(path, ".go"):
			imports = append(imports, importsOf(path)...)
		}
		return nil
	})
	slices.Sort(imports)
	for len(imports) > 0 {
		next := imports[0]
		imports = imports[1:]
		if !d.seen[next] {
			d.seen[next] = true
			imports = append(imports, d.look(next)...)
		}
	}
}

// look inspects the package path of a dependency, and returns its imports.
func (d *dependencies) look(path string) (imports []string) {
	if within(path, grpcPath) || within(path, Module) || !strings.Contains(path, ".") {
		return nil
	}
	req, dir := d.find(path)
	if req == nil {
		return nil
	}
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		imports = append(imports, importsOf(name)...)
		if src, err := os.ReadFile(name); err == nil && concerns(src) {
			d.inspect(req, name, src)
		}
	}
	return imports
}

// find returns the requirement that provides a package, and its directory.
func (d *dependencies) find(path string) (req *modfile.Require, dir string) {
	for _, r := range d.m.file.Require {
		if within(path, r.Mod.Path) && (req == nil || len(r.Mod.Path) > len(req.Mod.Path)) {
			req = r
		}
	}
	if req == nil {
		return nil, ""
	}
	below := filepath.FromSlash(strings.TrimPrefix(path, req.Mod.Path))
	if dir = filepath.Join(d.root, "vendor", filepath.FromSlash(path)); isDir(dir) {
		return req, dir
	}
	mod := req.Mod
	for _, r := range d.m.file.Replace {
		if r.Old.Path == mod.Path && (r.Old.Version == "" || r.Old.Version == mod.Version) {
			mod = r.New
		}
	}
	if mod.Version == "" { // a directory
		if !filepath.IsAbs(mod.Path) {
			mod.Path = filepath.Join(d.root, mod.Path)
		}
		return req, mod.Path + below
	}
	p, err1 := module.EscapePath(mod.Path)
	v, err2 := module.EscapeVersion(mod.Version)
	if err1 != nil || err2 != nil {
		return nil, ""
	}
	return req, filepath.Join(moduleCache(), p+"@"+v) + below
}

func (d *dependencies) inspect(req *modfile.Require, name string, src []byte) {
	f, err := parse(name, src)
	if err != nil {
		return
	}
	f.pkg = newPkg()
	for _, i := range f.imports {
		if i.path == grpcNamingPath && !d.m.opts.Dropin && !d.m.replaced(grpcNamingPath) {
			d.report(f, i.spec.Pos(), req, "imports google.golang.org/grpc/naming",
				"run grpcnaming migrate with -dropin, or require a version of it that does not")
		}
	}
	for _, r := range f.refs {
		name := r.sel.Sel.Name
		if r.is(grpcPath, slices.Concat(movedToAdapter, movedToNaming)...) || r.from.path == grpcPath && connectivityNames[name] != "" {
			d.report(f, r.sel.Pos(), req, "uses grpc."+name+" itself", ownCopy)
		}
	}
	reportGone(f)
	for _, r := range f.reports {
		d.add(req, "uses", r, "uses what is gone: "+r.Reason, ownCopy)
	}
}

const ownCopy = "require a version of it that does not, or replace it by a copy and run grpcnaming migrate on that"

func (d *dependencies) report(f *file, at token.Pos, req *modfile.Require, what, write string) {
	p := f.fset.PositionFor(at, false)
	kind, _, _ := strings.Cut(what, " ")
	d.add(req, kind, Report{File: f.name, Line: p.Line, Column: p.Column}, what, write)
}

// add adds a report of a kind, one for each module.
func (d *dependencies) add(req *modfile.Require, kind string, r Report, what, write string) {
	if key := req.Mod.Path + " " + kind; !d.reported[key] {
		d.reported[key] = true
		r.Reason = fmt.Sprintf("%s, which %s requires, %s", req.Mod, d.m.path, what)
		r.Write, r.Link = write, linkDropin
		d.m.reports = append(d.m.reports, r)
	}
}

func importsOf(name string) (paths []string) {
	f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return nil
	}
	for _, s := range f.Imports {
		if p, err := strconv.Unquote(s.Path.Value); err == nil {
			paths = append(paths, p)
		}
	}
	return paths
}

func moduleCache() string {
	if dir := os.Getenv("GOMODCACHE"); dir != "" {
		return dir
	}
	return filepath.Join(filepath.SplitList(build.Default.GOPATH)[0], "pkg", "mod")
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
