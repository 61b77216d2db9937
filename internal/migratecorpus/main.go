// Command migratecorpus tries grpcnaming migrate on what it was made for, and
// prints a table of each.
//
// Programs that do not use the removed API themselves, but are held back by
// what they import, are taken to today's grpc-go from end to end. Then modules
// that use the API are migrated, the packages that do compiled, and their tests
// of it run.
//
//	go run ./internal/migratecorpus [-keep DIR] [-o FILE] [PART OF A NAME...]
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/program"
)

func main() {
	keep := flag.String("keep", "", "migrate in this `directory`, and leave it")
	out := flag.String("o", "", "write the first table to this `file`, too, with the commit")
	flag.Parse()
	if err := run(*keep, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "migratecorpus:", err)
		os.Exit(1)
	}
}

func run(dir, out string, names []string) error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "migratecorpus-*"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	wanted := func(name string) bool {
		return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool { return strings.Contains(name, n) })
	}
	if err := writePrograms(out, root, dir, wanted); err != nil {
		return err
	}
	var failures strings.Builder
	fmt.Println("\n| Package | Sites rewritten | Sites reported | In dependencies | Compiles | Tests |")
	fmt.Println("|---|---|---|---|---|---|")
	for _, m := range corpus {
		if !wanted(m.name()) {
			continue
		}
		if err := m.migrate(root, filepath.Join(dir, m.name()), &failures); err != nil {
			return fmt.Errorf("%s@%s: %w", m.path, m.version, err)
		}
	}
	fmt.Println("\nTests left out:")
	for _, m := range corpus {
		for _, p := range m.packages {
			if p.why != "" {
				fmt.Printf("    %s/%s: %s\n", m.name(), p.path, p.why)
			}
		}
	}
	if failures.Len() > 0 {
		fmt.Printf("\nWhat failed:\n%s", failures.String())
	}
	return nil
}

// writePrograms prints the table of programs, and writes it to the file out if
// that is not empty.
func writePrograms(out, root, dir string, wanted func(string) bool) error {
	if out == "" {
		return migratePrograms(os.Stdout, root, dir, wanted)
	}
	commit, err := exec.Command("git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return err
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	fmt.Fprintf(f, programsHead, strings.TrimSpace(string(commit)), runtime.Version())
	if err := migratePrograms(io.MultiWriter(os.Stdout, f), root, dir, wanted); err != nil {
		return err
	}
	return f.Close()
}

const programsHead = `# Programs that a dependency held at grpc-go v1.29

Each is a main.go that imports the package, and a go.mod that requires the module and grpc-go v1.29.1. They are migrated
from end to end by ` + "`make migrate-corpus`" + `, which wrote this at %s, with %s on 2 cores. The time is that of
` + "`grpcnaming migrate -w`" + `, downloads and builds included.

`

func (m module) name() string {
	_, name, _ := strings.Cut(m.path, "/")
	return strings.ReplaceAll(name, "/", "-") + "@" + m.version
}

func (m module) migrate(root, dir string, failures *strings.Builder) error {
	if err := m.copyTo(dir); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		if out, err := goIn(dir, "mod", "init", m.path); err != nil {
			return fmt.Errorf("go mod init: %s", out)
		}
	}
	o, err := program.Run(context.Background(), []string{dir + "/..."}, program.Options{Replace: root, Deps: true, Dropin: true, Fork: "third_party", GRPC: "v1.63.3"})
	if err != nil {
		return err
	}
	for _, f := range o.Files {
		if err := f.Write(); err != nil {
			return err
		}
	}
	edits := []string{"mod", "edit"}
	for _, r := range m.require {
		edits = append(edits, "-require="+r)
	}
	for _, of := range m.migrated {
		edits = append(edits, "-replace="+of.path+"=../"+of.name())
	}
	if len(edits) > 2 {
		if out, err := goIn(dir, edits...); err != nil {
			return fmt.Errorf("go mod edit: %s", out)
		}
	}
	for _, p := range m.packages {
		sites, reported, below := 0, 0, 0
		for _, f := range o.Files {
			if filepath.Dir(f.Name) == filepath.Join(dir, p.path) {
				sites += f.Sites
			}
		}
		for _, r := range o.Reports {
			if !r.Note && filepath.Dir(r.File) == filepath.Join(dir, p.path) {
				reported++
			}
			if !r.Note && !strings.HasPrefix(r.File, dir+"/") {
				below++
			}
		}
		compiles, tests := m.try(dir, p, failures)
		fmt.Printf("| %s/%s | %d | %d | %d | %s | %s |\n", m.name(), p.path, sites, reported, below, compiles, tests)
	}
	return nil
}

// try compiles a package and runs its tests.
func (m module) try(dir string, p pkg, failures *strings.Builder) (compiles, tests string) {
	failed := func(what, out string) {
		fmt.Fprintf(failures, "\n%s/%s %s:\n%s\n", m.name(), p.path, what, indent(out))
	}
	if out, err := goIn(dir, "build", "./"+p.path); err != nil {
		failed("does not compile", out)
		return "no", "-"
	}
	if p.tests == "" {
		return "yes", "none run"
	}
	if out, err := goIn(dir, "test", "-count=1", "-vet=off", "-run=^$", "./"+p.path); err != nil {
		failed("has tests that do not compile", out)
		return "yes", "do not compile"
	}
	if out, err := goIn(dir, "test", "-count=1", "-vet=off", "-timeout=120s", "-run="+p.tests, "-skip="+p.skip, "./"+p.path); err != nil {
		failed("fails its tests", out)
		return "yes", "fail"
	}
	if p.skip != "" {
		return "yes", fmt.Sprintf("pass, but for %d left out", strings.Count(p.skip, "|")+1)
	}
	return "yes", "pass"
}

// copyTo makes a copy of the module that can be written to.
func (m module) copyTo(dir string) error {
	out, err := goIn(os.TempDir(), "mod", "download", "-json", m.path+"@"+m.version)
	if err != nil {
		return fmt.Errorf("go mod download: %s", out)
	}
	var got struct{ Dir string }
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	// CopyFS makes files anew, with modes of their own: those in the module
	// cache are read-only.
	if err := os.CopyFS(dir, os.DirFS(got.Dir)); err != nil {
		return err
	}
	return filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		return os.Chmod(path, info.Mode().Perm()|0o200)
	})
}

func goIn(dir string, args ...string) (string, error) {
	c := exec.Command("go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	out, err := c.Output()
	if exit, ok := err.(*exec.ExitError); ok {
		out = append(exit.Stderr, out...)
	}
	return string(out), err
}

// indent shows the beginning of what a command said, but for downloads.
func indent(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "go: downloading") && !strings.HasPrefix(line, "go: f") && len(lines) < 12 {
			lines = append(lines, "    "+strings.TrimRight(line, "\n"))
		}
	}
	return strings.Join(lines, "\n")
}
