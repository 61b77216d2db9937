package migrate

import (
	"context"
	"errors"
	"go/parser"
	"go/scanner"
	"go/token"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Outcome is what became of a tree.
type Outcome struct {
	Dirs    []string  // that were looked through
	Looked  []string  // the Go files in them that were looked at
	Files   []*Result // those that change
	Needy   []string  // directories of files that need this module, or did already
	Reports []Report
}

// Left says whether the reader has something to do.
func (o *Outcome) Left() bool {
	return slices.ContainsFunc(o.Reports, func(r Report) bool { return !r.Note })
}

// Run works out what becomes of the files that patterns name, and writes
// nothing. progress, if not nil, is called now and then, by one goroutine at a
// time. An error means that there was nothing to work on, or that ctx is done;
// what goes wrong with one file is in the Reports.
func Run(ctx context.Context, patterns []string, opts Options, progress func(done, total int)) (*Outcome, error) {
	dirs, reports, err := find(patterns)
	if err != nil {
		return nil, err
	}
	o := &Outcome{Reports: reports}
	results := make([]*dirResult, len(dirs))
	var wg sync.WaitGroup
	var mu sync.Mutex // guards done and the calls of progress
	done := 0
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				results[i] = rewriteDir(dirs[i], opts)
				if progress != nil {
					mu.Lock()
					done++
					progress(done, len(dirs))
					mu.Unlock()
				}
			}
		})
	}
	for i := range dirs {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	wg.Wait()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i, r := range results {
		o.Dirs = append(o.Dirs, dirs[i].path)
		for _, base := range dirs[i].files {
			o.Looked = append(o.Looked, filepath.Join(dirs[i].path, base))
		}
		o.Reports = append(o.Reports, r.reports...)
		for _, f := range r.files {
			o.Reports = append(o.Reports, f.Reports...)
			if f.Changed() {
				o.Files = append(o.Files, f)
			}
			if f.needy() && !slices.Contains(o.Needy, dirs[i].path) {
				o.Needy = append(o.Needy, dirs[i].path)
			}
		}
	}
	SortReports(o.Reports)
	return o, nil
}

type dirResult struct {
	files   []*Result
	reports []Report
}

func rewriteDir(d dir, opts Options) *dirResult {
	res := &dirResult{}
	var pkgs map[string]*pkg
	for _, base := range d.files {
		path := filepath.Join(d.path, base)
		src, err := os.ReadFile(path)
		if err != nil {
			res.reports = append(res.reports, Broken(path, err))
			continue
		}
		if !concerns(src) {
			continue
		}
		if pkgs == nil {
			pkgs = packages(d.path)
		}
		r, err := rewrite(path, src, pkgs[packageName(src)], opts)
		if err != nil {
			res.reports = append(res.reports, unparsable(path, err))
			continue
		}
		res.files = append(res.files, r)
	}
	return res
}

// packages reads what the packages in a directory declare, by package name.
// Files that do not parse count for nothing.
func packages(path string) map[string]*pkg {
	pkgs := make(map[string]*pkg)
	entries, _ := os.ReadDir(path)
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || !e.Type().IsRegular() {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(path, e.Name()), nil, parser.SkipObjectResolution)
		if err != nil {
			continue
		}
		if pkgs[f.Name.Name] == nil {
			pkgs[f.Name.Name] = newPkg()
		}
		pkgs[f.Name.Name].add(f)
	}
	return pkgs
}

func packageName(src []byte) string {
	if f, err := parser.ParseFile(token.NewFileSet(), "", src, parser.PackageClauseOnly); err == nil {
		return f.Name.Name
	}
	return ""
}

func unparsable(path string, err error) Report {
	r := Broken(path, err)
	if list := (scanner.ErrorList)(nil); errors.As(err, &list) && len(list) > 0 {
		r.Line, r.Column = list[0].Pos.Line, list[0].Pos.Column
		r.Reason = "left alone, as it does not parse: " + list[0].Msg
	}
	return r
}
