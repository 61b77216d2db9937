package migrate

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// modules finds the modules whose files come to need this one.
type modules struct {
	opts  Options
	roots map[string]string // directory with a go.mod, by directory; "" for none
	needy map[string]bool   // go.mod files
	loose []string          // directories outside of any module
}

func newModules(opts Options) *modules {
	return &modules{opts: opts, roots: make(map[string]string), needy: make(map[string]bool)}
}

// note takes down what the result of a file in dir imports.
func (m *modules) note(dir string, r *Result) {
	needs := slices.ContainsFunc(r.imports, func(path string) bool {
		return within(path, Module) || path == grpcNamingPath
	})
	if !needs {
		return
	}
	switch root := m.root(dir); root {
	case "":
		if !slices.Contains(m.loose, dir) {
			m.loose = append(m.loose, dir)
		}
	default:
		m.needy[filepath.Join(root, "go.mod")] = true
	}
}

// root is the nearest directory upwards with a go.mod, or "".
func (m *modules) root(dir string) string {
	if root, ok := m.roots[dir]; ok {
		return root
	}
	root := ""
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		root = dir
	} else if abs, err := filepath.Abs(dir); err == nil && filepath.Dir(abs) != abs {
		up := filepath.Dir(dir)
		if up == dir || filepath.Base(dir) == ".." {
			up = filepath.Join(dir, "..")
		}
		root = m.root(up)
	}
	m.roots[dir] = root
	return root
}

// edit adds to o the go.mod files that change, and what to type next.
func (m *modules) edit(o *Outcome) {
	for _, path := range slices.Sorted(maps.Keys(m.needy)) {
		m.editOne(path, o)
	}
	if len(m.loose) > 0 {
		o.Commands = append(o.Commands, m.makeModule()...)
	}
}

func (m *modules) editOne(path string, o *Outcome) {
	data, err := os.ReadFile(path)
	if err == nil {
		var info fs.FileInfo
		if info, err = os.Lstat(path); err == nil && !info.Mode().IsRegular() {
			err = fmt.Errorf("it is not a regular file")
		}
	}
	if err != nil {
		o.Reports = append(o.Reports, broken(path, err))
		return
	}
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		o.Reports = append(o.Reports, broken(path, err))
		return
	}
	if file.Module == nil || file.Module.Mod.Path == Module || within(file.Module.Mod.Path, grpcPath) {
		return
	}
	before := modfile.Format(file.Syntax)
	g := &goMod{path: path, file: file, opts: m.opts}
	g.edit()
	g.reportDependencies()
	o.Reports = append(o.Reports, g.reports...)
	file.Cleanup()
	res := &Result{Name: path, Old: data, New: data}
	if after := modfile.Format(file.Syntax); !bytes.Equal(before, after) {
		res.New = after
	}
	if res.Changed() {
		o.Files = append(o.Files, res)
	}
	o.Commands = append(o.Commands, m.next(g, res.Changed())...)
}

// next is what to type after the edit of a go.mod.
func (m *modules) next(g *goMod, changed bool) []string {
	dir := filepath.Dir(g.path)
	var c []string
	if !g.replaced(Module) {
		c = append(c, in(dir, "go mod edit -replace="+Module+"=DIR")+"   # DIR: a checkout, as the path is not published yet")
	}
	if changed {
		c = append(c, in(dir, "go mod tidy"))
		if _, err := os.Stat(filepath.Join(dir, "vendor", "modules.txt")); err == nil {
			c = append(c, in(dir, "go mod vendor"))
		}
	}
	return c
}

// makeModule is what to type where there is no go.mod.
func (m *modules) makeModule() []string {
	dir := commonDir(m.loose)
	path := "MODULE/PATH"
	if abs, err := filepath.Abs(dir); err == nil {
		if _, after, ok := strings.Cut(filepath.ToSlash(abs), "/src/"); ok {
			path = after // as GOPATH has it
		}
	}
	replace := m.opts.Replace
	if replace == "" {
		replace = "DIR"
	}
	c := []string{
		in(dir, "go mod init "+path),
		in(dir, "go mod edit -go="+needGo+" -require="+grpcPath+"@"+needGRPC+" -require="+Module+"@v0.0.0 -replace="+Module+"="+replace),
		in(dir, "go mod tidy"),
	}
	if replace == "DIR" {
		c[1] += "   # DIR: a checkout, as the path is not published yet"
	}
	return c
}

func in(dir, command string) string {
	if dir == "." {
		return command
	}
	return "cd " + dir + " && " + command
}

// commonDir is the deepest directory that all of dirs are in.
func commonDir(dirs []string) string {
	common := dirs[0]
	for _, d := range dirs[1:] {
		for common != "." && common != "/" && d != common && !strings.HasPrefix(d, common+string(filepath.Separator)) {
			common = filepath.Dir(common)
		}
	}
	return common
}
