package modernize

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"

	"golang.org/x/tools/go/packages"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// report adds what a round has to say: the changes that it made, and after the last
// one what is left.
func (p *program) report(o *Outcome, found []finding, changed bool) {
	for _, f := range found {
		if f.Category == "" || f.Category == Left && changed {
			continue
		}
		r := Report{File: f.place.Filename, Line: f.place.Line, Column: f.place.Column, Text: f.Message, Note: f.Category == Changes}
		if t := p.texts[f.place.Filename]; t != nil {
			r.Line, r.Column = position(t.old, t.origin(f.place.Offset, f.steps))
		}
		r.File = p.show(r.File)
		o.Reports = append(o.Reports, r)
	}
}

// show is a path as it is reported: relative, if it is in the directory.
func (p *program) show(path string) string {
	if rel, err := filepath.Rel(p.dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// position returns the line and column of a place, which begin with 1.
func position(src []byte, offset int) (line, column int) {
	before := src[:min(offset, len(src))]
	return bytes.Count(before, []byte("\n")) + 1, len(before) - (bytes.LastIndexByte(before, '\n') + 1) + 1
}

// uses are the packages of this module, and of its drop-in, that the program imports.
func (p *program) uses(pkgs []*packages.Package) (paths []string) {
	for _, pkg := range pkgs {
		for path := range pkg.Imports {
			if path == migrate.Module || strings.HasPrefix(path, migrate.Module+"/") || path == migrate.Removed {
				paths = append(paths, path)
			}
		}
	}
	return paths
}

// Lines are what reports say, in one line each. A change that has been made in several
// places is said once.
func Lines(reports []Report) (lines []string) {
	more := make(map[string]int)
	for _, r := range reports {
		more[r.Text]++
	}
	for _, r := range reports {
		n := more[r.Text]
		switch {
		case !r.Note || n == 1:
			lines = append(lines, r.String())
		case n > 1:
			lines = append(lines, fmt.Sprintf("%s (and in %d more places)", r, n-1))
			more[r.Text] = 0
		}
	}
	return lines
}
