package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// One command takes a legacy repository to today: it builds, and the tests that
// it had pass.
func TestMigrateLegacy(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(root, "testdata/legacy"))); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	args := []string{"migrate", "-deps=false", "-w", "-replace", root, dir + "/..."}
	if got := run(context.Background(), args, &out, &errs); got != exitOK {
		t.Fatalf("exit status %d\n%s", got, errs.String())
	}
	if !strings.Contains(errs.String(), "mocks/watcher.go:4:1: note: this file is generated") {
		t.Errorf("no note about the mocks:\n%s", errs.String())
	}
	if !strings.Contains(errs.String(), "consullb/consul.go:42:1: note: watcher watches Consul with faults") {
		t.Errorf("no note about the copy of the article:\n%s", errs.String())
	}
	addSums(t, root, dir)
	goRuns(t, dir, "vet", "./...")
	goRuns(t, dir, "test", "./...")
	out.Reset()
	run(context.Background(), []string{"migrate", "-deps=false", "-l", "-replace", root, dir + "/..."}, &out, &errs)
	if out.Len() > 0 {
		t.Errorf("a second run changes %s", out.String())
	}
}

// goRuns runs the go command as after go mod tidy, without its look-ups.
func goRuns(t *testing.T, dir string, args ...string) {
	t.Helper()
	c := exec.Command("go", args...)
	c.Dir = dir
	c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	if msg, err := c.CombinedOutput(); err != nil {
		t.Errorf("go %s: %v\n%s", args, err, msg)
	}
}

// addSums spares the go command a look-up of checksums that this module has.
func addSums(t *testing.T, root, dir string) {
	t.Helper()
	theirs, err1 := os.ReadFile(filepath.Join(dir, "go.sum"))
	ours, err2 := os.ReadFile(filepath.Join(root, "go.sum"))
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := os.WriteFile(filepath.Join(dir, "go.sum"), append(theirs, ours...), 0o666); err != nil {
		t.Fatal(err)
	}
}
