package modernize

import (
	"fmt"
	"go/build/constraint"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// reportIgnored adds the files beside those of the packages, or in directories that
// the patterns reach, that import grpc or this module and that this build leaves out.
func (p *program) reportIgnored(o *Outcome, pkgs []*packages.Package) error {
	built := make(map[string]bool)
	dirs := make(map[string]bool)
	for _, pkg := range pkgs {
		if strings.HasSuffix(pkg.ID, ".test") {
			continue // its files are in the build cache
		}
		for _, name := range slices.Concat(pkg.GoFiles, pkg.IgnoredFiles) {
			dirs[filepath.Dir(name)] = true
		}
		for _, name := range pkg.GoFiles {
			built[name] = true
		}
	}
	for _, pattern := range p.patterns {
		if err := p.walk(pattern, dirs); err != nil {
			return err
		}
	}
	for _, dir := range slices.Sorted(maps.Keys(dirs)) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			name := filepath.Join(dir, e.Name())
			if built[name] || !e.Type().IsRegular() || !strings.HasSuffix(name, ".go") || strings.ContainsRune("_.", rune(e.Name()[0])) {
				continue
			}
			if why := leftOut(name); why != "" {
				o.Reports = append(o.Reports, Report{File: p.show(name), Line: 1, Column: 1, Note: true, Unseen: true,
					Text: fmt.Sprintf("not looked at, as this build leaves the file out (%s); GOOS, GOARCH or GOFLAGS=-tags=... take it in", why)})
			}
		}
	}
	return nil
}

// walk adds the directories that a pattern reaches: the go command leaves out those
// whose files it leaves out.
func (p *program) walk(pattern string, dirs map[string]bool) error {
	root, below := strings.CutSuffix(filepath.ToSlash(pattern), "/...")
	if !below || root != "." && root != ".." && !strings.HasPrefix(root, "./") && !strings.HasPrefix(root, "../") {
		return nil
	}
	root = filepath.Join(p.dir, filepath.FromSlash(root))
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.IsDir() {
			return err
		}
		if base := e.Name(); path != root {
			if base == "vendor" || base == "testdata" || strings.ContainsRune("_.", rune(base[0])) {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil {
				return fs.SkipDir
			}
		}
		dirs[path] = true
		return nil
	})
}

// leftOut says what takes a file that is not built out of the build, or "" for one
// that does not import grpc or this module.
func leftOut(name string) string {
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly|parser.ParseComments)
	if err != nil || !concerned(tree) {
		return ""
	}
	for _, group := range tree.Comments {
		for _, c := range group.List {
			if c.Pos() < tree.Package && constraint.IsGoBuild(c.Text) {
				return c.Text
			}
		}
	}
	return "by its name, or for want of cgo"
}
