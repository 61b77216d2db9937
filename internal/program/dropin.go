package program

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// dropin puts our module in the place of the removed package if a package that
// is listed imports that.
func (p *plan) dropin(context.Context) (bool, error) {
	modules, first := p.graph.importers(migrate.Removed)
	switch {
	case first == nil:
		return false, nil
	case !p.opts.Dropin:
		p.report(migrate.Report{File: first.Dir, Line: 1, Column: 1,
			Reason: fmt.Sprintf("%s imports %s, which grpc-go has no more", first.Module.at(), migrate.Removed),
			Write:  "leave out -dropin=false"})
		return false, nil
	}
	p.mod.Dropin = modules
	return p.useDropin()
}

// importers are the modules with a package that imports path, or whose tests
// do, and the first of those packages.
func (g *graph) importers(path string) (modules []string, first *pkg) {
	for _, from := range sortedKeys(g.pkgs) {
		k := g.pkgs[from]
		if k.Standard || k.Module == nil || within(k.Module.Path, migrate.Module) ||
			!slices.Contains(slices.Concat(k.Imports, k.TestImports, k.XTestImports), path) {
			continue
		}
		if by := k.Module.at(); !slices.Contains(modules, by) {
			modules = append(modules, by)
		}
		if first == nil {
			first = k
		}
	}
	return modules, first
}

func (p *plan) useDropin() (changed bool, err error) {
	known := true
	changed, err = p.edit(func(g *goMod) {
		if known = p.opts.Replace != "" || g.replacement(migrate.Removed) != nil; known {
			g.useDropin(p.opts.Replace)
		}
	})
	if !known {
		return false, errors.New(migrate.Removed + " is imported, and what takes its place is in " + unpublished)
	}
	return changed, err
}

// tidiedDropin looks at what go mod tidy has left of the drop-in: it stays if
// that needs it, which heeds all build tags, and goes if it was put in for a
// dependency that has been raised since.
func (p *plan) tidiedDropin(ctx context.Context) error {
	g, err := p.goMod()
	if err != nil {
		return err
	}
	if p.mod.Dropin = nil; g.required(migrate.Removed) == nil {
		_, old, _ := readGoMod(p.mod.file())
		if old != nil && old.replacement(migrate.Removed) != nil {
			return nil
		}
		_, err = p.edit(func(g *goMod) {
			g.file.DropReplace(migrate.Removed, "")
			if g.required(migrate.Module) == nil && (old == nil || old.replacement(migrate.Module) == nil) {
				g.file.DropReplace(migrate.Module, "")
			}
		})
		return err
	}
	if p.mod.Dropin, _ = p.graph.importers(migrate.Removed); len(p.mod.Dropin) > 0 {
		return nil
	}
	out, err := p.goRun(ctx, "mod", "why", migrate.Removed)
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) > 2 {
		p.mod.Dropin = []string{lines[len(lines)-2] + " (which only go mod tidy looks at)"}
	}
	return err
}
