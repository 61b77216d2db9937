package migrate

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A dir is a directory and those of its files that are to be rewritten.
type dir struct {
	path  string
	files []string // base names, sorted
}

// find resolves patterns: a file, a directory, or a directory followed by
// "/..." for all below it. It walks by itself, as the go command would need
// code that it can load. What lies below is left out where it belongs to others
// or is no package, see skipped; a path that a pattern names is not. Symbolic
// links below a pattern are not followed.
func find(patterns []string) ([]dir, []Report, error) {
	files := make(map[string]map[string]bool)
	add := func(path string) {
		d, base := filepath.Split(path)
		d = filepath.Clean(d)
		if files[d] == nil {
			files[d] = make(map[string]bool)
		}
		files[d][base] = true
	}
	var unreadable []Report
	for _, p := range patterns {
		root, below := strings.CutSuffix(filepath.ToSlash(p), "/...")
		if p == "..." {
			root, below = ".", true
		}
		root = filepath.Clean(filepath.FromSlash(root))
		info, err := os.Stat(root)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: there is no such file or directory to migrate (%w)", p, err)
		}
		if l, err := os.Lstat(root); err == nil && l.Mode()&fs.ModeSymlink != 0 {
			if root, err = filepath.EvalSymlinks(root); err != nil {
				return nil, nil, err
			}
		}
		if !info.IsDir() {
			add(root)
			continue
		}
		err = filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			switch {
			case err != nil:
				unreadable = append(unreadable, Broken(path, err))
				if e != nil && e.IsDir() {
					return fs.SkipDir
				}
			case e.IsDir():
				if path != root && (!below || skipped(path)) {
					return fs.SkipDir
				}
			case e.Type().IsRegular() && strings.HasSuffix(path, ".go"):
				add(path)
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
	}
	var dirs []dir
	for path, set := range files {
		d := dir{path: path}
		for f := range set {
			d.files = append(d.files, f)
		}
		slices.Sort(d.files)
		dirs = append(dirs, d)
	}
	slices.SortFunc(dirs, func(a, b dir) int { return strings.Compare(a.path, b.path) })
	return dirs, unreadable, nil
}

// skipped says whether a walk leaves a directory out: other people's code, also
// in copies that the command made elsewhere, what the go command leaves out, and
// grpc itself.
func skipped(path string) bool {
	base := filepath.Base(path)
	switch base {
	case "vendor", "third_party", "testdata", "node_modules":
		return true
	}
	// A module cache may lie in the tree; its directories have versions.
	return base[0] == '.' || base[0] == '_' || strings.Contains(base, "@") || strings.HasSuffix(filepath.ToSlash(path), "/"+grpcPath) || IsFork(path)
}

// Broken reports a file that is left alone because of err.
func Broken(path string, err error) Report {
	r := Report{File: path, Line: 1, Column: 1, Link: LinkCommand, Write: "mend that and run grpcnaming migrate again"}
	r.Reason = "left alone: " + err.Error()
	return r
}
