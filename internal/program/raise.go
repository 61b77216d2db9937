package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A Raise is a module of which a higher version is required.
type Raise struct {
	Module string `json:"module"`
	From   string `json:"from"`
	To     string `json:"to"`
	Why    string `json:"why"`

	removed bool // as From uses what grpc-go removed
}

// help deals with the dependencies that do not compile, and says whether that
// changed anything.
func (p *plan) help(ctx context.Context, b *Build) (changed bool, err error) {
	if b.OK {
		return false, nil
	}
	failing := make(map[string][]string) // packages, by module
	var mods []*modInfo
	for _, f := range b.Failures {
		m := f.module
		if m == nil || m.Main || m.Replace != nil || m.Path == grpcPath || p.tried[m.at()] {
			continue
		}
		if failing[m.Path] == nil {
			mods = append(mods, m)
		}
		failing[m.Path] = append(failing[m.Path], f.Package)
	}
	for _, m := range mods {
		p.tried[m.at()] = true
		v, err := p.lowestThatBuilds(p.budget, m, failing[m.Path])
		switch {
		case p.timeout(ctx):
			p.mod.Slow = append(p.mod.Slow, m.Path)
			return false, nil
		case err != nil:
			return false, err
		case v == "":
			continue
		}
		first, _, _ := strings.Cut(b.of(failing[m.Path][0]), "\n")
		if _, err := p.raise(m.Path, m.Version, v, fmt.Sprintf("the lowest that compiles with grpc-go %s; %s had: %s", p.mod.GRPC, m.Version, first)); err != nil {
			return false, err
		}
		return true, nil
	}
	return p.takeBack(b)
}

// of returns what fails in a package.
func (b *Build) of(path string) string {
	for _, f := range b.Failures {
		if f.Package == path {
			return f.Text
		}
	}
	return ""
}

// takeBack undoes the raise of a module for what grpc-go removed, if a package
// that imports it directly does not compile with it: it will be copied instead.
func (p *plan) takeBack(b *Build) (changed bool, err error) {
	for _, f := range b.Failures {
		k := p.graph.pkgs[f.Package]
		if k == nil {
			continue
		}
		for _, i := range k.Imports {
			to := p.graph.pkgs[i]
			if to == nil || to.Module == nil || k.Module == nil || to.Module.Path == k.Module.Path {
				continue
			}
			at := slices.IndexFunc(p.mod.Raised, func(r Raise) bool { return r.removed && r.Module == to.Module.Path })
			if at < 0 || to.Name == "" || !mentions(f.Text, to.Name) {
				continue
			}
			r := p.mod.Raised[at]
			p.refused[r.Module] = true
			p.mod.Raised = slices.Delete(p.mod.Raised, at, at+1)
			return p.edit(func(g *goMod) {
				g.file.AddRequire(r.Module, r.From)
			})
		}
	}
	return false, nil
}

func mentions(text, name string) bool {
	return strings.Contains(text, name+".") || strings.Contains(text, "imports ")
}

// lowestThatBuilds returns the lowest version of a module above m that the
// failing packages of it compile with, or "". Each is tried in the stage, which
// is as before afterwards.
func (p *plan) lowestThatBuilds(ctx context.Context, m *modInfo, failing []string) (string, error) {
	versions, err := p.candidates(ctx, m.Path, m.Version)
	if err != nil || len(versions) == 0 {
		return "", err
	}
	before, err := p.save()
	if err != nil {
		return "", err
	}
	defer p.restore(before)
	return lowest(versions, func(v string) (bool, error) {
		p.say("trying " + m.Path + " " + v)
		if err := p.restore(before); err != nil {
			return false, err
		}
		if _, err := p.edit(func(g *goMod) { g.raise(m.Path, v) }); err != nil {
			return false, err
		}
		p.trying = true
		_, err := p.settle(ctx)
		p.trying = false
		if err == nil {
			_, err = p.goRun(ctx, append([]string{"build"}, failing...)...)
		}
		var failed *goError
		if err != nil && !errors.As(err, &failed) {
			return false, err
		}
		return err == nil, nil
	})
}

// A saved is the state of a plan that trying changes.
type saved struct {
	mod, sum []byte
	raised   []Raise
	graph    *graph
	list     []*modInfo
	seen     []byte
	edited   int
	reports  []migrate.Report
	tidied   bool
}

func (p *plan) sum() string { return strings.TrimSuffix(p.file, ".mod") + ".sum" }

func (p *plan) save() (saved, error) {
	mod, err := os.ReadFile(p.file)
	if err != nil {
		return saved{}, err
	}
	sum, err := os.ReadFile(p.sum())
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return saved{mod, sum, slices.Clone(p.mod.Raised), p.graph, p.list, p.seen, len(p.edited), p.reports, p.tidied}, err
}

func (p *plan) restore(s saved) error {
	p.mod.Raised, p.edited, p.reports, p.tidied = slices.Clone(s.raised), p.edited[:s.edited], s.reports, s.tidied
	p.graph, p.list, p.seen = s.graph, s.list, s.seen
	return errors.Join(os.WriteFile(p.file, s.mod, 0o666), os.WriteFile(p.sum(), s.sum, 0o666))
}
