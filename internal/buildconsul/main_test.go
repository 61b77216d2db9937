package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// TestMain lets the test binary, under the name of consul, stand in for one.
func TestMain(m *testing.M) {
	if strings.HasPrefix(filepath.Base(os.Args[0]), "consul") {
		fmt.Println("Consul v0.0.0-fake\nsecond line")
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestNothingToDoWhenOutputRuns(t *testing.T) {
	out := fakeConsul(t, t.TempDir())
	before, err := os.Lstat(out)
	if err != nil {
		t.Fatal(err)
	}
	var report bytes.Buffer
	if err := run(t.Context(), out, &report); err != nil {
		t.Fatal(err)
	}
	if got, want := report.String(), "buildconsul: nothing to do, "+out+" is Consul v0.0.0-fake\n"; got != want {
		t.Errorf("report = %q, want %q", got, want)
	}
	if after, err := os.Lstat(out); err != nil || !os.SameFile(before, after) {
		t.Errorf("the binary was replaced (%v)", err)
	}
}

func TestNothingToDoWhenOnPath(t *testing.T) {
	dir := t.TempDir()
	found := fakeConsul(t, dir)
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out := filepath.Join(t.TempDir(), "bin", "consul")
	var report bytes.Buffer
	if err := run(t.Context(), out, &report); err != nil {
		t.Fatal(err)
	}
	if got := report.String(); !strings.Contains(got, "nothing to do, "+found+" is Consul v0.0.0-fake\n") {
		t.Errorf("report = %q", got)
	}
	if _, err := os.Stat(filepath.Dir(out)); !os.IsNotExist(err) {
		t.Errorf("the output directory was made for nothing (%v)", err)
	}
}

func TestBuildsFromTestdataWhenOutputDoesNotRun(t *testing.T) {
	root := t.TempDir()
	module(t, filepath.Join(root, "testdata", "consul"), "package main\n\nfunc main() { println(`Consul v1`) }\n")
	below := filepath.Join(root, "a", "b")
	mkdir(t, below)
	t.Chdir(below)
	t.Setenv("PATH", goOnly(t))
	out := filepath.Join(root, "bin", "consul")
	write(t, out, "not a program")

	// The fake module has no package github.com/hashicorp/consul: what the go
	// command says of it shows which module was asked.
	err := run(t.Context(), out, &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), filepath.Join("testdata", "consul")) ||
		!strings.Contains(err.Error(), "github.com/hashicorp/consul") {
		t.Fatalf("err = %v, want one that names the module and the package", err)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "not a program" {
		t.Errorf("a failed build touched the output: %q, %v", got, err)
	}
}

func TestNoModule(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv("PATH", goOnly(t))
	err := run(t.Context(), filepath.Join(t.TempDir(), "consul"), &bytes.Buffer{})
	if err == nil || !strings.Contains(err.Error(), "testdata/consul/go.mod") {
		t.Errorf("err = %v, want one that names testdata/consul/go.mod", err)
	}
}

func TestBuild(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "module")
	module(t, dir, "package main\n\nfunc main() { println(`Consul v1`) }\n")
	out := filepath.Join(t.TempDir(), "bin", "tool.exe")
	var report bytes.Buffer
	b := builder{dir: dir, pkg: "example.test/tool", out: out, report: &report, every: time.Millisecond}
	if err := b.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if version, err := versionOf(t.Context(), out); err != nil || version != "Consul v1" {
		t.Errorf("versionOf = %q, %v", version, err)
	}
	for _, want := range []string{" modules downloaded, ", " of at most ", out + " is Consul v1, built in "} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("no %q in the report:\n%s", want, report.String())
		}
	}
	onlyFile(t, out)
}

func TestFailedBuildShowsWhyAndLeavesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "module")
	module(t, dir, "package main\n\nfunc main() { undefinedThing() }\n")
	out := filepath.Join(t.TempDir(), "tool")
	b := builder{dir: dir, pkg: "example.test/tool", out: out, report: &bytes.Buffer{}, every: time.Minute}
	err := b.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "undefinedThing") {
		t.Errorf("err = %v, want the compiler's message", err)
	}
	if left, _ := os.ReadDir(filepath.Dir(out)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBinaryThatDoesNotRunIsNotKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "module")
	module(t, dir, "package main\n\nfunc main() { panic(`no`) }\n")
	out := filepath.Join(t.TempDir(), "tool.exe")
	write(t, out, "the old one")
	b := builder{dir: dir, pkg: "example.test/tool", out: out, report: &bytes.Buffer{}, every: time.Minute}
	if err := b.run(t.Context()); err == nil || !strings.Contains(err.Error(), "does not run") {
		t.Errorf("err = %v, want one that says that the binary does not run", err)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != "the old one" {
		t.Errorf("the output was replaced: %q, %v", got, err)
	}
	onlyFile(t, out)
}

func TestTailKeepsTheEnd(t *testing.T) {
	var last tail
	for i := range 100 {
		last.add(fmt.Sprint("line ", i))
	}
	if got := last.String(); !strings.HasPrefix(got, "  line 60\n") || !strings.HasSuffix(got, "  line 99") {
		t.Errorf("tail = %q", got)
	}
}

// fakeConsul puts this test binary into dir under the name of consul.
func fakeConsul(t *testing.T, dir string) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "consul")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	if err := os.Link(self, path); err != nil {
		// Another file system: a copy will do.
		content, err := os.ReadFile(self)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// goOnly is a PATH with the go command and without a consul.
func goOnly(t *testing.T) string {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(strings.TrimSpace(string(root)), "bin")
}

// module writes the main package example.test/tool into dir.
func module(t *testing.T, dir, source string) {
	t.Helper()
	write(t, filepath.Join(dir, "go.mod"), "module example.test/tool\n\ngo 1.25\n")
	write(t, filepath.Join(dir, "main.go"), source)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	mkdir(t, filepath.Dir(path))
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mkdir(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
}

// onlyFile says that nothing but path is left in its directory.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(path) {
		t.Errorf("in %s: %v, %v; want only %s", filepath.Dir(path), entries, err, filepath.Base(path))
	}
}
