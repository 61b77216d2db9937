package program

import (
	"context"
	"errors"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"go/version"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A Fork is a copy of the packages of a module that the program needs, without
// their tests, migrated by the same rewrites as the program's own code.
type Fork struct {
	Dir     string `json:"dir"` // as reported
	Module  string `json:"module"`
	Version string `json:"version"`
	Why     string `json:"why"`
	Files   int    `json:"files"` // copied
	Lines   int    `json:"lines"` // changed

	path     string // that is replaced
	root     string // absolute
	staged   string // where it is for so long
	source   string
	needy    bool // needs this module
	packages map[string]bool
	results  []*migrate.Result
	reports  []migrate.Report
}

// fork copies the module of u to where forks are, and replaces it by that.
func (p *plan) fork(ctx context.Context, u *uses) error {
	m := u.module
	f := &Fork{Module: m.Path, Version: m.Version, Why: u.first(), path: m.Path, staged: p.stage.temp("fork"), root: filepath.Join(p.forkDir(), filepath.FromSlash(m.Path))}
	if m.Replace != nil {
		f.Module, f.Version = m.Replace.Path, m.Replace.Version
	}
	f.Dir = p.opts.show(f.root)
	if _, err := os.Stat(f.root); err == nil {
		return fmt.Errorf("%s, where the copy of %s@%s has to be, exists already; move it away, or choose another place by -fork DIR", f.Dir, f.Module, f.Version)
	}
	f.source = m.Dir
	files, packages, err := p.toCopy(m, p.forks[f.root])
	if err != nil {
		return err
	}
	f.packages = make(map[string]bool)
	for _, sub := range packages {
		f.packages[path.Join(m.Path, filepath.ToSlash(sub))] = true
	}
	for _, name := range files {
		if err := copyFile(filepath.Join(f.staged, name), filepath.Join(m.Dir, name)); err != nil {
			return err
		}
	}
	if err := f.migrate(ctx, p, packages); err != nil {
		return err
	}
	f.Files = len(files)
	if !slices.Contains(files, "go.mod") {
		files = append(files, "go.mod")
	}
	if err := f.writeGoMod(p); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(f.staged, migrate.ForkFile), f.about(p.mod.Path, packages), 0o666); err != nil {
		return err
	}
	for _, name := range append(files, migrate.ForkFile) {
		content, err := os.ReadFile(filepath.Join(f.staged, name))
		if err != nil {
			return err
		}
		f.results = append(f.results, &migrate.Result{Name: filepath.Join(f.root, name), New: content})
	}
	p.forks[f.root] = f
	p.mod.Forks = append(p.mod.Forks, f)
	_, err = p.edit(func(g *goMod) {
		if f.needy {
			g.useModule(p.opts.Replace)
		}
		g.require(m.Path, m.Version, false)
		g.file.AddReplace(m.Path, "", f.staged, "")
	})
	return err
}

// migrate runs the rewrites over the packages of the copy.
func (f *Fork) migrate(ctx context.Context, p *plan, packages []string) error {
	var dirs []string
	for _, sub := range packages {
		dirs = append(dirs, filepath.Join(f.staged, sub))
	}
	out, err := migrate.Run(ctx, dirs, p.opts.Options, nil)
	if err != nil {
		return err
	}
	f.needy = len(out.Needy) > 0
	for _, r := range out.Files {
		f.Lines += lines(r.Old, r.New)
		if err := r.Write(); err != nil {
			return err
		}
	}
	for _, r := range out.Reports {
		switch {
		case r.Link == migrate.LinkRead: // what matters where the copy is used
			r.Note = true
			fallthrough
		case !r.Note:
			f.reports = append(f.reports, f.shown(r))
		}
	}
	return nil
}

// shown is a report of a file in the stage as one of where it will be.
func (f *Fork) shown(r migrate.Report) migrate.Report {
	r.File = strings.Replace(r.File, f.staged, f.Dir, 1)
	return r
}

// settleForks lets go.mod name the forks where they will be.
func (p *plan) settleForks() error {
	_, err := p.edit(func(g *goMod) {
		for _, f := range p.mod.Forks {
			dir := f.root
			if rel, err := filepath.Rel(p.root, f.root); err == nil && !filepath.IsAbs(p.opts.Fork) {
				if dir = filepath.ToSlash(rel); !strings.HasPrefix(dir, "../") {
					dir = "./" + dir
				}
			}
			g.file.AddReplace(f.path, "", dir, "")
		}
	})
	return err
}

// toCopy returns the files and the directories of the packages that are needed,
// by their paths in the module. Those of before, which another module of the
// workspace needs, are among them.
func (p *plan) toCopy(m *modInfo, before *Fork) (files, packages []string, err error) {
	needed := make(map[string]*pkg) // by directory
	for path := range p.graph.tidied(m.Path) {
		if k := p.graph.pkgs[path]; k != nil && k.of(m.Path) && k.Dir != "" {
			needed[k.Dir] = k
		}
	}
	wanted := maps.Clone(p.wanted)
	if before != nil {
		maps.Copy(wanted, before.packages)
	}
	for path := range wanted {
		if within(path, m.Path) {
			addUnlisted(needed, m, path)
		}
	}
	for _, k := range needed {
		sub, err := filepath.Rel(m.Dir, k.Dir)
		if err != nil {
			return nil, nil, err
		}
		packages = append(packages, sub)
		entries, err := os.ReadDir(k.Dir)
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			if e.Type().IsRegular() && k.compiles(e.Name()) {
				files = append(files, filepath.Join(sub, e.Name()))
			}
		}
		for _, e := range k.EmbedFiles {
			files = append(files, filepath.Join(sub, filepath.FromSlash(e)))
		}
	}
	entries, err := os.ReadDir(m.Dir)
	if err != nil {
		return nil, nil, err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && (legal(e.Name()) || e.Name() == "go.mod") {
			files = append(files, e.Name())
		}
	}
	slices.Sort(packages)
	slices.Sort(files)
	return slices.Compact(files), packages, nil
}

// addUnlisted adds a package that the go command does not list, and those of its
// module that it imports.
func addUnlisted(needed map[string]*pkg, m *modInfo, path string) {
	dir := filepath.Join(m.Dir, filepath.FromSlash(strings.TrimPrefix(path, m.Path)))
	b, err := build.ImportDir(dir, 0)
	if err != nil || needed[dir] != nil {
		return
	}
	needed[dir] = &pkg{ImportPath: path, Name: b.Name, Dir: dir}
	for _, i := range b.Imports {
		if within(i, m.Path) {
			addUnlisted(needed, m, i)
		}
	}
}

// compiles says whether a file of the package's directory goes into it, on any
// platform, or says under which terms.
func (k *pkg) compiles(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".go":
		if strings.HasSuffix(name, "_test.go") {
			return false
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(k.Dir, name), nil, parser.PackageClauseOnly)
		return err == nil && f.Name.Name == k.Name
	case ".c", ".cc", ".cpp", ".cxx", ".h", ".hh", ".hpp", ".hxx", ".m", ".f", ".s", ".sx", ".syso", ".swig", ".swigcxx":
		return true
	}
	return legal(name)
}

// legal says whether a file is a licence or a notice.
func legal(name string) bool {
	name = strings.ToLower(name)
	for _, prefix := range []string{"license", "licence", "notice", "copying", "copyright", "patents"} {
		if strings.HasPrefix(name, prefix) {
			return !strings.HasSuffix(name, ".go")
		}
	}
	return false
}

// writeGoMod gives the copy the go.mod that the module has, or a new one.
func (f *Fork) writeGoMod(p *plan) error {
	file := filepath.Join(f.staged, "go.mod")
	data, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) {
		data = []byte("module " + f.path + "\n")
	} else if err != nil {
		return err
	}
	g, err := parseGoMod(filepath.Join(f.Dir, "go.mod"), data)
	if err != nil {
		return err
	}
	// From 1.17 on a module does not bring along all that its requirements
	// ever required; before 1.22 a loop's variables are those of old.
	if g.file.Go == nil || version.Compare("go"+g.file.Go.Version, "go1.17") < 0 {
		g.file.AddGoStmt("1.21")
	}
	g.require(grpcPath, p.mod.GRPC, false)
	if f.needy {
		g.useModule(p.opts.Replace)
	}
	return os.WriteFile(file, g.format(), 0o666)
}

func (f *Fork) about(by string, packages []string) []byte {
	var b strings.Builder
	fmt.Fprintf(&b, "# A copy of %s %s\n\n", f.Module, f.Version)
	fmt.Fprintf(&b, "%s: in the original, %s,\n", migrate.ForkMark, f.Why)
	fmt.Fprintf(&b, "which google.golang.org/grpc removed, and no newer version of it does without.\n\n")
	fmt.Fprintf(&b, "It has the packages that %s needs, without their tests. %d files were copied, and %d lines of them changed:\n\n", by, f.Files, f.Lines)
	for _, sub := range packages {
		fmt.Fprintf(&b, "- %s\n", strings.TrimSuffix(f.Module+"/"+filepath.ToSlash(sub), "/."))
	}
	fmt.Fprintf(&b, "\nTo make it again, for another version or for more packages: delete this directory, drop the replace\n")
	fmt.Fprintf(&b, "directive for it from go.mod, and run `grpcnaming migrate -w` again.\n")
	return []byte(b.String())
}

// forkOf returns the fork that a module is replaced by, or nil. One of an
// earlier run is known by its FORK.md.
func (p *plan) forkOf(m *modInfo) *Fork {
	if !m.local() {
		return nil
	}
	for _, f := range p.mod.Forks {
		if f.staged == m.Dir {
			return f
		}
	}
	if migrate.IsFork(m.Dir) {
		return &Fork{Dir: p.opts.show(m.Dir), staged: m.Dir}
	}
	return nil
}

// narrow returns the path and the directory of the fork of an earlier run that
// would have the package path and has not, or "".
func (p *plan) narrow(path string) (module, dir string) {
	g, err := p.goMod()
	if err != nil {
		return "", ""
	}
	for _, r := range g.file.Replace {
		at := r.New.Path
		if !filepath.IsAbs(at) {
			at = filepath.Join(p.root, at)
		}
		if r.New.Version == "" && within(path, r.Old.Path) && migrate.IsFork(at) && !hasPackage(at, r.Old.Path, path) {
			return r.Old.Path, at
		}
	}
	return "", ""
}

// widen makes those forks again that lack a package by now.
func (p *plan) widen(context.Context) (changed bool, err error) {
	missing := maps.Clone(p.wanted)
	for path, k := range p.graph.pkgs {
		if k.Error != nil && k.Dir == "" {
			missing[path] = true
		}
	}
	lacks := func(f *Fork) bool {
		for path := range missing {
			if within(path, f.path) && !f.packages[path] && hasPackage(f.source, f.path, path) {
				return true
			}
		}
		return false
	}
	for i, f := range p.mod.Forks {
		if lacks(f) {
			p.mod.Forks = slices.Delete(p.mod.Forks, i, i+1)
			_, err := p.edit(func(g *goMod) { g.file.DropReplace(f.path, "") })
			return true, err
		}
	}
	return false, nil
}

func copyFile(to, from string) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o666)
}
