package main

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// remember: the script's directory, and what is in it, is as unchanged wants it.
func remember(ts *testscript.TestScript, neg bool, args []string) {
	ts.Setenv("REMEMBERED", tree(ts))
}

// unchanged: no file has come, gone or changed since remember.
func unchanged(ts *testscript.TestScript, neg bool, args []string) {
	was := strings.Split(ts.Getenv("REMEMBERED"), "\n")
	for _, line := range strings.Split(tree(ts), "\n") {
		if len(was) > 0 && was[0] == line {
			was = was[1:]
			continue
		}
		ts.Fatalf("the tree is another from here on: %s; it was %s", line, strings.Join(was[:min(len(was), 1)], ""))
	}
	if len(was) > 0 {
		ts.Fatalf("this is gone: %s", was[0])
	}
}

// tree lists what is in the script's directory, a line each.
func tree(ts *testscript.TestScript) string {
	var list []string
	root := ts.Getenv("WORK")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		line := rel + " " + d.Type().String()
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			line += fmt.Sprintf(" %x", sha256.Sum256(data))
		}
		list = append(list, line)
		return nil
	}))
	return strings.Join(list, "\n")
}
