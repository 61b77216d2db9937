package migrate

import (
	"context"
	"errors"
	"go/parser"
	"go/scanner"
	"go/token"
	"maps"
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
	loaded := make([]*loadedDir, len(dirs))
	done := 0
	err = inParallel(ctx, len(dirs), func(i int) { loaded[i] = load(dirs[i]) }, func() {
		if done++; progress != nil {
			progress(done, len(dirs))
		}
	})
	if err != nil {
		return nil, err
	}
	settleDrafts(loaded)
	results := make([]*dirResult, len(dirs))
	if err := inParallel(ctx, len(dirs), func(i int) { results[i] = loaded[i].rewrite(opts) }, func() {}); err != nil {
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

// inParallel calls do for each index below n, and after each done, one at a
// time, until ctx is done.
func inParallel(ctx context.Context, n int, do func(i int), done func()) error {
	var wg sync.WaitGroup
	var mu sync.Mutex // is held while done is called
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				do(i)
				mu.Lock()
				done()
				mu.Unlock()
			}
		})
	}
	for i := 0; i < n && ctx.Err() == nil; i++ {
		next <- i
	}
	close(next)
	wg.Wait()
	return ctx.Err()
}

// A loadedDir is a directory with the packages in it, if a file concerns the
// rewrites.
type loadedDir struct {
	dir
	pkgs map[string]*pkg // by name
	res  dirResult
}

// load reads a directory. A file that does not parse counts for nothing, but is
// reported if it is to be rewritten.
func load(d dir) *loadedDir {
	l := &loadedDir{dir: d}
	sources := make(map[string][]byte)
	concerned := false
	for _, base := range d.files {
		src, err := os.ReadFile(filepath.Join(d.path, base))
		if err != nil {
			l.res.reports = append(l.res.reports, Broken(filepath.Join(d.path, base), err))
			continue
		}
		sources[base] = src
		concerned = concerned || concerns(src)
	}
	if !concerned {
		return l
	}
	entries, _ := os.ReadDir(d.path)
	for _, e := range entries {
		if base := e.Name(); sources[base] == nil && strings.HasSuffix(base, ".go") && e.Type().IsRegular() {
			if src, err := os.ReadFile(filepath.Join(d.path, base)); err == nil {
				sources[base] = src
			}
		}
	}
	l.pkgs = make(map[string]*pkg)
	for _, base := range slices.Sorted(maps.Keys(sources)) {
		path, src := filepath.Join(d.path, base), sources[base]
		name := packageName(src)
		p := l.pkgs[name]
		if p == nil {
			p = newPkg()
		}
		tree, err := p.parse(path, src)
		if err != nil {
			if slices.Contains(d.files, base) && concerns(src) {
				l.res.reports = append(l.res.reports, unparsable(path, err))
			}
			continue
		}
		l.pkgs[name] = p
		p.add(path, src, tree)
	}
	for _, p := range l.pkgs {
		p.check()
	}
	return l
}

func (l *loadedDir) rewrite(opts Options) *dirResult {
	for _, base := range l.files {
		path := filepath.Join(l.path, base)
		for _, p := range l.pkgs {
			if p.files[path] == nil {
				continue
			}
			r, err := p.rewrite(path, opts)
			if err != nil {
				l.res.reports = append(l.res.reports, unparsable(path, err))
				continue
			}
			l.res.files = append(l.res.files, r)
		}
	}
	l.pkgs = nil
	return &l.res
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
