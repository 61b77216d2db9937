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
	args := []string{"migrate", "-w", "-replace", root, dir + "/..."}
	if got := run(context.Background(), args, &out, &errs); got != exitOK {
		t.Fatalf("exit status %d\n%s", got, errs.String())
	}
	if !strings.Contains(errs.String(), "mocks/watcher.go:4:1: note: this file is generated") {
		t.Errorf("no note about the mocks:\n%s", errs.String())
	}
	addSums(t, root, dir)
	for _, args := range [][]string{{"vet", "./..."}, {"test", "./..."}} {
		c := exec.Command("go", args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off") // as go mod tidy would, without its look-ups
		if msg, err := c.CombinedOutput(); err != nil {
			t.Errorf("go %s: %v\n%s", args, err, msg)
		}
	}
	out.Reset()
	run(context.Background(), []string{"migrate", "-l", "-replace", root, dir + "/..."}, &out, &errs)
	if out.Len() > 0 {
		t.Errorf("a second run changes %s", out.String())
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
