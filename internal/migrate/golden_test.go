package migrate

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/token"
	"go/version"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"golang.org/x/mod/modfile"
	"golang.org/x/tools/txtar"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write the golden files of testdata from what comes out")

// An archive is one package of testdata: NAME.go and NAME.go.golden, if that
// is to differ; reports; flags; nocompile.
type archive struct {
	*txtar.Archive
	path  string
	files map[string]string
	opts  Options
}

func archives(t testing.TB) []archive {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	var all []archive
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		x := archive{a, p, make(map[string]string), Options{}}
		for _, f := range a.Files {
			x.files[f.Name] = string(f.Data)
		}
		x.opts.KeepIdle = strings.Contains(x.files["flags"], "-keep-idle")
		all = append(all, x)
	}
	return all
}

func (a archive) sources() (names []string) {
	for _, f := range a.Files {
		if strings.HasSuffix(f.Name, ".go") {
			names = append(names, f.Name)
		}
	}
	return names
}

// rewriteAll runs the rewrites over the package, given its files.
func (a archive) rewriteAll(t *testing.T, files map[string]string) (out map[string]string, reports string) {
	t.Helper()
	p := newPkg()
	for _, name := range a.sources() {
		tree, err := p.parse(name, []byte(files[name]))
		if err != nil {
			t.Fatal(err)
		}
		p.add(name, []byte(files[name]), tree)
	}
	p.check()
	out = make(map[string]string)
	var lines []Report
	for _, name := range a.sources() {
		r, err := p.rewrite(name, a.opts)
		if err != nil {
			t.Fatal(err)
		}
		if r.Changed() != (r.Sites > 0) {
			t.Errorf("%s: changed is %v, and %d sites", name, r.Changed(), r.Sites)
		}
		out[name] = string(r.New)
		lines = append(lines, r.Reports...)
	}
	slices.SortStableFunc(lines, compareReports)
	for _, l := range lines {
		reports += l.String() + "\n"
	}
	return out, reports
}

func TestGolden(t *testing.T) {
	for _, a := range archives(t) {
		t.Run(strings.TrimSuffix(filepath.Base(a.path), ".txtar"), func(t *testing.T) {
			out, reports := a.rewriteAll(t, a.files)
			if *update {
				a.write(t, out, reports)
				return
			}
			for _, name := range a.sources() {
				want, ok := a.files[name+".golden"]
				if !ok {
					want = a.files[name]
				}
				if out[name] != want {
					t.Errorf("%s becomes\n%s\nwant\n%s", name, out[name], want)
				}
			}
			if reports != a.files["reports"] {
				t.Errorf("reports:\n%s\nwant\n%s", reports, a.files["reports"])
			}
		})
	}
}

func (a archive) write(t *testing.T, out map[string]string, reports string) {
	t.Helper()
	var files []txtar.File
	for _, f := range a.Files {
		if f.Name == "reports" || strings.HasSuffix(f.Name, ".golden") {
			continue
		}
		files = append(files, f)
		if o, ok := out[f.Name]; ok && o != string(f.Data) {
			files = append(files, txtar.File{Name: f.Name + ".golden", Data: []byte(o)})
		}
	}
	if reports != "" {
		files = append(files, txtar.File{Name: "reports", Data: []byte(reports)})
	}
	a.Archive.Files = files
	if err := os.WriteFile(a.path, txtar.Format(a.Archive), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A second run changes nothing, and what was formatted stays so.
func TestGoldenAgain(t *testing.T) {
	for _, a := range archives(t) {
		once, _ := a.rewriteAll(t, a.files)
		twice, _ := a.rewriteAll(t, once)
		for name, src := range once {
			if twice[name] != src {
				t.Errorf("%s: %s changes again to\n%s", a.path, name, twice[name])
			}
			before, _ := format.Source([]byte(a.files[name]))
			after, err := format.Source([]byte(src))
			if err != nil || string(before) == a.files[name] && string(after) != src {
				t.Errorf("%s: %s is not formatted any more: %v", a.path, name, err)
			}
		}
	}
}

// With CRLF line endings the same comes out, with CRLF line endings.
func TestGoldenCRLF(t *testing.T) {
	for _, a := range archives(t) {
		want, _ := a.rewriteAll(t, a.files)
		files := make(map[string]string)
		for name, src := range a.files {
			files[name] = strings.ReplaceAll(src, "\n", "\r\n")
		}
		got, _ := a.rewriteAll(t, files)
		for name := range want {
			if w := strings.ReplaceAll(want[name], "\n", "\r\n"); got[name] != w {
				t.Errorf("%s: %s becomes\n%q\nwant\n%q", a.path, name, got[name], w)
			}
		}
	}
}

// What is in comments and strings is as it was; some may come in between.
func TestGoldenCommentsAndStrings(t *testing.T) {
	for _, a := range archives(t) {
		out, _ := a.rewriteAll(t, a.files)
		for name := range out {
			before, after := said(t, a.files[name]), said(t, out[name])
			rest := before
			for _, s := range after {
				if len(rest) > 0 && rest[0] == s {
					rest = rest[1:]
				}
			}
			if len(rest) > 0 {
				t.Errorf("%s: %s said %q and says %q", a.path, name, before, after)
			}
		}
	}
}

// said are the comments and the string literals of src, but for import paths.
func said(t *testing.T, src string) (all []string) {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Comments {
		for _, c := range g.List {
			all = append(all, c.Text)
		}
	}
	slices.Sort(all) // sorting imports takes their comments along
	ast.Inspect(f, func(n ast.Node) bool {
		if l, ok := n.(*ast.BasicLit); ok && l.Kind == token.STRING {
			all = append(all, l.Value)
		}
		_, ok := n.(*ast.ImportSpec)
		return !ok
	})
	return all
}

// What comes out compiles with today's grpc-go, and go vet has nothing to say.
func TestGoldenCompiles(t *testing.T) {
	dir := t.TempDir()
	for _, a := range archives(t) {
		if _, ok := a.files["nocompile"]; ok {
			continue
		}
		pkg := strings.TrimSuffix(filepath.Base(a.path), ".txtar")
		out, _ := a.rewriteAll(t, a.files)
		for name, src := range out {
			writeFile(t, filepath.Join(dir, pkg, name), src)
		}
	}
	vetNewest(t, dir)
}

// vetNewest builds and vets all packages in dir with today's grpc-go.
func vetNewest(t *testing.T, dir string) {
	t.Helper()
	writeNewestModule(t, dir)
	vet := exec.Command("go", "vet", "./...")
	vet.Dir = dir
	vet.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if msg, err := vet.CombinedOutput(); err != nil {
		t.Errorf("go vet: %v\n%s", err, msg)
	}
}

// writeNewestModule makes dir a module with today's versions of what this one
// is tested with, or with the oldest if this Go is too old for today's.
func writeNewestModule(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(root, "testdata/newest")
	mod, err := os.ReadFile(base + ".mod")
	if err != nil {
		t.Fatal(err)
	}
	if f, err := modfile.Parse("newest.mod", mod, nil); err != nil || version.Compare("go"+f.Go.Version, runtime.Version()) > 0 {
		base = filepath.Join(root, "go")
		if mod, err = os.ReadFile(base + ".mod"); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := os.ReadFile(base + ".sum")
	if err != nil {
		t.Fatal(err)
	}
	mod = bytes.Replace(mod, []byte("module "+Module), []byte("module example.com/migrated"), 1)
	writeFile(t, filepath.Join(dir, "go.mod"), fmt.Sprintf("%s\nrequire %s v0.0.0\n\nreplace %[2]s => %s\n", mod, Module, root))
	writeFile(t, filepath.Join(dir, "go.sum"), string(sum))
}

func writeFile(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}
