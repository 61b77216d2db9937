package modernize

import (
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"
	"golang.org/x/tools/txtar"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

const toolsPath = "golang.org/x/tools"

// newModule makes a module that depends on what the test was built with.
func newModule(t testing.TB) (dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	name := filepath.Join(root, "go.mod")
	if newest := filepath.Join(root, "testdata/newest.mod"); toolsOf(t, newest) == builtWith(t) {
		name = newest
	}
	m := parseModule(t, name)
	if err := m.AddModuleStmt("example.com/old"); err != nil {
		t.Fatal(err)
	}
	if err := m.AddRequire(migrate.Module, "v0.0.0"); err != nil {
		t.Fatal(err)
	}
	if err := m.AddReplace(migrate.Module, "", root, ""); err != nil {
		t.Fatal(err)
	}
	text, err := m.Format()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.mod"), string(text))
	sum, err := os.ReadFile(strings.TrimSuffix(name, ".mod") + ".sum")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "go.sum"), string(sum))
	return dir
}

func parseModule(t testing.TB, name string) *modfile.File {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := modfile.Parse(name, text, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func toolsOf(t testing.TB, name string) string {
	t.Helper()
	for _, r := range parseModule(t, name).Require {
		if r.Mod.Path == toolsPath {
			return r.Mod.Version
		}
	}
	t.Fatalf("%s does not require %s", name, toolsPath)
	return ""
}

// builtWith returns the version of x/tools in this binary, from a path of its source.
func builtWith(t testing.TB) string {
	t.Helper()
	f := runtime.FuncForPC(reflect.ValueOf(txtar.Parse).Pointer())
	name, _ := f.FileLine(f.Entry())
	_, rest, ok := strings.Cut(filepath.ToSlash(name), toolsPath+"@")
	if !ok {
		t.Fatalf("no version of %s in %s", toolsPath, name)
	}
	version, _, _ := strings.Cut(rest, "/")
	return version
}

func write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// run runs a command and returns what it prints.
func run(t testing.TB, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// goRun runs the go command, which has to succeed.
func goRun(t testing.TB, dir string, args ...string) string {
	t.Helper()
	out, err := run(t, dir, append([]string{"go"}, args...)...)
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}
