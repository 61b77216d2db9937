package modernize

import (
	"cmp"
	"context"
	"fmt"
	"go/token"
	"maps"
	"os"
	"slices"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"

	"github.com/grpcnaming/grpcnaming/internal/edit"
	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// Outcome is what became of a program.
type Outcome struct {
	Packages  int               // that were looked at
	Roots     []string          // directories of the modules that they are in
	Files     []*migrate.Result // those that change
	Reports   []Report          // in the order of their places
	Broken    []string          // errors of a program that does not compile, before or after
	Rewritten bool              // Broken is of after
	Uses      []string          // packages of this module, and of its drop-in, that the program still imports
}

// A Report is a change of behaviour, something that is left to the reader, or a file
// that was not looked at.
type Report struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Text   string `json:"text"`
	Note   bool   `json:"note,omitempty"`   // good to know; nothing is left to do
	Unseen bool   `json:"unseen,omitempty"` // a file that this build leaves out
}

func (r Report) String() string {
	note := ""
	if r.Note {
		note = "note: "
	}
	return fmt.Sprintf("%s:%d:%d: %s%s", r.File, r.Line, r.Column, note, r.Text)
}

// Left says whether the reader has something to do.
func (o *Outcome) Left() bool {
	return len(o.Broken) > 0 || slices.ContainsFunc(o.Reports, func(r Report) bool { return !r.Note })
}

// maxRounds bounds how often the analyzers run. A rewrite makes room for at most two
// others: the dial for its balancer, that for the resolver.
const maxRounds = 8

// Run works out what becomes of the packages that patterns name, in directory dir, and
// writes nothing. An error means that there was nothing to work on, or that ctx is done.
func Run(ctx context.Context, dir string, patterns []string) (*Outcome, error) {
	p := &program{ctx: ctx, dir: dir, patterns: patterns, texts: make(map[string]*text)}
	if err := p.forgetVendor(); err != nil {
		return nil, err
	}
	o := &Outcome{}
	for round := 0; ; round++ {
		pkgs, err := p.load()
		if err != nil {
			return nil, err
		}
		o.Packages, o.Rewritten = count(pkgs), round > 0
		if o.Broken = broken(pkgs); len(o.Broken) > 0 {
			return o, nil
		}
		if round == 0 {
			o.Roots = roots(pkgs)
			if err := p.reportIgnored(o, pkgs); err != nil {
				return nil, err
			}
		}
		found, err := p.analyze(pkgs)
		if err != nil {
			return nil, err
		}
		changed, err := p.apply(pkgs, found)
		if err != nil {
			return nil, err
		}
		p.report(o, found, changed)
		if !changed {
			o.Uses = p.uses(pkgs)
			slices.Sort(o.Uses)
			o.Uses = slices.Compact(o.Uses)
			break
		}
		if round == maxRounds {
			return nil, fmt.Errorf("the rewrites come to no end; please report that")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.texts)) {
		t := p.texts[name]
		o.Files = append(o.Files, &migrate.Result{Name: name, Old: t.old, New: edit.Reformat(t.old, importBlock(t.old, t.now))})
	}
	slices.SortStableFunc(o.Reports, func(a, b Report) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Text, b.Text))
	})
	o.Reports = slices.Compact(o.Reports)
	return o, nil
}

// A program is what is being rewritten.
type program struct {
	ctx      context.Context
	dir      string
	patterns []string
	flags    []string         // of the go command
	texts    map[string]*text // those that change, by file name
}

// A finding is a diagnostic, with its places as offsets into the text of the round.
type finding struct {
	analysis.Diagnostic
	place token.Position
	steps int // that the file had taken before
}

// analyze runs all analyzers over all packages.
func (p *program) analyze(pkgs []*packages.Package) (found []finding, err error) {
	used := make(map[string]bool)
	for _, pkg := range pkgs {
		for _, o := range pkg.TypesInfo.Uses {
			if o.Pkg() != nil && (o.Pkg().Path() == grpcPath || o.Pkg().Path() == adapterPath) && o.Parent() == o.Pkg().Scope() {
				used[o.Name()] = true
			}
		}
	}
	for _, pkg := range pkgs {
		for _, a := range Analyzers {
			pass := &analysis.Pass{
				Analyzer: a, Fset: pkg.Fset, Files: pkg.Syntax, OtherFiles: pkg.OtherFiles, IgnoredFiles: pkg.IgnoredFiles,
				Pkg: pkg.Types, TypesInfo: pkg.TypesInfo, TypesSizes: pkg.TypesSizes, TypeErrors: pkg.TypeErrors,
				ResultOf: map[*analysis.Analyzer]any{elsewhere: used},
				ReadFile: p.read,
				Report: func(d analysis.Diagnostic) {
					f := finding{Diagnostic: d, place: pkg.Fset.Position(d.Pos)}
					if t := p.texts[f.place.Filename]; t != nil {
						f.steps = len(t.steps)
					}
					found = append(found, f)
				},
			}
			if _, err := a.Run(pass); err != nil {
				return nil, fmt.Errorf("%s of %s: %w", a.Name, pkg.PkgPath, err)
			}
		}
	}
	return found, nil
}

func (p *program) read(name string) ([]byte, error) {
	if t := p.texts[name]; t != nil {
		return t.now, nil
	}
	return os.ReadFile(name)
}
