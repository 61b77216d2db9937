package program

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A pkg is a package as go list -json has it, or one that it could not find.
type pkg struct {
	ImportPath, Name, Dir              string
	Standard                           bool
	Module                             *modInfo
	GoFiles, CgoFiles, EmbedFiles      []string
	Imports, TestImports, XTestImports []string
	Error                              *struct{ Err, Pos string }
}

type modInfo struct {
	Path, Version, Dir, GoMod string
	Main                      bool
	Replace                   *modInfo
	Versions                  []string
	Error                     *struct{ Err string }
}

// at is what a module is called in messages.
func (m *modInfo) at() string {
	if m.Version == "" {
		return m.Path
	}
	return m.Path + "@" + m.Version
}

// local says whether a module is replaced by a directory.
func (m *modInfo) local() bool { return m.Replace != nil && m.Replace.Version == "" }

// of says whether a package belongs to the module path.
func (p *pkg) of(path string) bool { return p.Module != nil && p.Module.Path == path }

// A graph has the packages that a module is built from, and those that go mod
// tidy looks at besides: what the tests of its dependencies import.
type graph struct {
	pkgs  map[string]*pkg
	main  []*pkg          // of the module itself
	built map[string]bool // what these import, with their tests
}

// listGraph asks the go command.
func (p *plan) listGraph(ctx context.Context) (*graph, error) {
	const fields = "ImportPath,Name,Dir,Standard,Module,GoFiles,CgoFiles,EmbedFiles,Imports,TestImports,XTestImports,Error"
	out, err := p.goRun(ctx, "list", "-e", "-deps", "-test", "-json="+fields, "all")
	if err != nil {
		return nil, err
	}
	g := &graph{pkgs: make(map[string]*pkg), built: make(map[string]bool)}
	d := json.NewDecoder(strings.NewReader(out))
	for {
		k := new(pkg)
		if err := d.Decode(k); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		// A package that is compiled anew for a test is the same here, and the
		// main package of a test is nobody's.
		variant := false
		k.ImportPath, _, variant = strings.Cut(k.ImportPath, " [")
		if strings.HasSuffix(k.ImportPath, ".test") || variant && (g.pkgs[k.ImportPath] != nil || strings.HasSuffix(k.ImportPath, "_test")) {
			continue
		}
		g.pkgs[k.ImportPath] = k
	}
	for _, path := range slices.Sorted(maps.Keys(g.pkgs)) {
		if k := g.pkgs[path]; k.Module != nil && k.Module.Main {
			g.main = append(g.main, k)
			g.close(g.built, path)
			g.close(g.built, slices.Concat(k.TestImports, k.XTestImports)...)
		}
	}
	return g, nil
}

// close adds to set what paths are and import.
func (g *graph) close(set map[string]bool, paths ...string) {
	for _, path := range paths {
		if !set[path] {
			set[path] = true
			if k := g.pkgs[path]; k != nil {
				g.close(set, k.Imports...)
			}
		}
	}
}

// tidied is what go mod tidy looks at if it does not see the tests of the
// module path.
func (g *graph) tidied(path string) map[string]bool {
	set := maps.Clone(g.built)
	for _, from := range slices.Sorted(maps.Keys(g.built)) {
		if k := g.pkgs[from]; k != nil && !k.Standard && !k.of(path) {
			g.close(set, slices.Concat(k.TestImports, k.XTestImports)...)
		}
	}
	return set
}

// entries are the packages of a module that those of others are built with.
func (g *graph) entries(module string) []string {
	set := make(map[string]bool)
	for path := range g.built {
		k := g.pkgs[path]
		if k == nil || k.of(module) || k.Module == nil {
			continue
		}
		imports := k.Imports
		if k.Module.Main {
			imports = slices.Concat(imports, k.TestImports, k.XTestImports)
		}
		for _, i := range imports {
			if to := g.pkgs[i]; to != nil && to.of(module) {
				set[i] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// uses says whether a package of the module path is in the program.
func (g *graph) uses(path string) bool {
	for _, k := range g.pkgs {
		if k.of(path) {
			return true
		}
	}
	return false
}

// foreign says whether a package is neither Go's, grpc-go's, ours nor the
// module's own.
func (k *pkg) foreign() bool {
	return !k.Standard && k.Module != nil && !k.Module.Main && k.Module.Path != grpcPath && !within(k.Module.Path, migrate.Module) && k.Module.Path != migrate.Removed
}

// files are those that are compiled here.
func (k *pkg) files() (paths []string) {
	for _, f := range slices.Concat(k.GoFiles, k.CgoFiles) {
		paths = append(paths, filepath.Join(k.Dir, f))
	}
	return paths
}

// within says whether an import path is root or below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }
