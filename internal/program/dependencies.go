package program

import (
	"context"
	"fmt"
	"go/build"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// uses are the places where the packages of a module use what grpc-go removed.
type uses struct {
	module    *modInfo
	rewritten []string // places with names, as "client.go:12 uses grpc.Balancer"
	reported  []migrate.Report
}

func (u *uses) none() bool { return len(u.rewritten) == 0 && len(u.reported) == 0 }

// first is one of them, to name.
func (u *uses) first() string {
	if len(u.rewritten) > 0 {
		return u.rewritten[0]
	}
	r := u.reported[0]
	return fmt.Sprintf("%s:%d: %s", filepath.Base(r.File), r.Line, r.Reason)
}

func (u *uses) add(path string) error {
	src, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !strings.Contains(string(src), grpcPath) {
		return nil
	}
	rewritten, reported := migrate.Uses(path, src)
	for _, s := range rewritten {
		u.rewritten = append(u.rewritten, fmt.Sprintf("%s:%d uses %s", filepath.Base(path), s.Line, s.Name))
	}
	u.reported = append(u.reported, reported...)
	return nil
}

// dependencies deals with the modules that the program is built from and that
// use what grpc-go removed.
func (p *plan) dependencies(ctx context.Context) (changed bool, err error) {
	byModule := make(map[string]*uses)
	for _, path := range slices.Sorted(maps.Keys(p.graph.built)) {
		k := p.graph.pkgs[path]
		if k == nil || !k.foreign() {
			continue
		}
		u := byModule[k.Module.Path]
		if u == nil {
			u = &uses{module: k.Module}
			byModule[k.Module.Path] = u
		}
		for _, file := range k.files() {
			if err := u.add(p.stage.path(file)); err != nil {
				return false, err
			}
		}
	}
	for _, path := range slices.Sorted(maps.Keys(byModule)) {
		if u := byModule[path]; !u.none() {
			c, err := p.dependency(ctx, u)
			if err != nil {
				return false, err
			}
			changed = changed || c
		}
	}
	return changed, nil
}

// overlooked reports own packages that would change, and will not, as no pattern
// names them.
func (p *plan) overlooked() {
	p.missed = nil
	looked := make(map[string]bool)
	for _, file := range p.own.Looked {
		if abs, err := filepath.Abs(filepath.Dir(file)); err == nil {
			looked[filepath.Join(real(abs), filepath.Base(file))] = true
		}
	}
	for _, k := range p.graph.main {
		u := new(uses)
		entries, _ := os.ReadDir(k.Dir) // what cannot be read does not build either
		for _, e := range entries {
			if path := filepath.Join(k.Dir, e.Name()); strings.HasSuffix(path, ".go") && e.Type().IsRegular() && !looked[path] {
				_ = u.add(path)
				if src, err := os.ReadFile(path); err == nil && strings.Contains(string(src), strconv.Quote(migrate.Removed)) {
					u.rewritten = append(u.rewritten, e.Name()+" imports "+migrate.Removed)
				}
			}
		}
		if rel, err := filepath.Rel(p.root, k.Dir); err == nil && !u.none() {
			p.missed = append(p.missed, migrate.Report{File: filepath.Join(p.mod.Dir, rel), Line: 1, Column: 1, Link: migrate.LinkCommand,
				Reason: u.first() + ", in this package of the module, which was not named", Write: "run grpcnaming migrate for all of the module: " + filepath.Join(p.mod.Dir, "...")})
		}
	}
}

func (p *plan) dependency(ctx context.Context, u *uses) (changed bool, err error) {
	m := u.module
	if m.local() {
		if f := p.forkOf(m); f != nil {
			for _, r := range u.reported {
				if f.results == nil { // of an earlier run; a new one has said it itself
					p.reports = append(p.reports, f.shown(r))
				}
			}
			return false, nil
		}
		p.report(migrate.Report{File: m.Dir, Line: 1, Column: 1, Reason: fmt.Sprintf("%s, which is replaced by this directory, %s", m.Path, u.first()),
			Write: "run grpcnaming migrate -w there"})
		return false, nil
	}
	if !p.refused[m.Path] && m.Replace == nil {
		v, err := p.newer(ctx, m)
		if err != nil {
			return false, err
		}
		if v != "" {
			changed, err := p.raise(m.Path, m.Version, v, u.first()+", and this is the lowest version without")
			p.mod.Raised[len(p.mod.Raised)-1].removed = true
			return changed, err
		}
		p.refused[m.Path] = true
	}
	if len(u.rewritten) > 0 && p.opts.Fork != "" {
		return true, p.fork(ctx, u)
	}
	if len(u.rewritten) > 0 {
		p.report(migrate.Report{File: filepath.Join(m.Dir, "."), Line: 1, Column: 1, Reason: m.at() + ": " + u.first() + "; no newer version does without",
			Write: `leave out -fork="" for a copy that is migrated`})
		return false, nil
	}
	for _, r := range u.reported[:1] {
		r.Reason = m.at() + " uses what is gone, and no newer version does without: " + r.Reason
		r.Write = "in a copy of it, " + r.Write
		p.report(r)
	}
	return false, nil
}

// raise requires a module at a higher version.
func (p *plan) raise(path, from, to, why string) (bool, error) {
	i := slices.IndexFunc(p.mod.Raised, func(r Raise) bool { return r.Module == path })
	if i >= 0 {
		from = p.mod.Raised[i].From
		p.mod.Raised = slices.Delete(p.mod.Raised, i, i+1)
	}
	p.mod.Raised = append(p.mod.Raised, Raise{Module: path, From: from, To: to, Why: why})
	return p.edit(func(g *goMod) { g.raise(path, to) })
}

// newer returns the lowest version above that of a module that has the packages
// that are needed of it, none of which uses what grpc-go removed; or "".
func (p *plan) newer(ctx context.Context, m *modInfo) (string, error) {
	versions, err := p.releases(ctx, m.Path)
	if err != nil {
		return "", err
	}
	return lowest(above(versions, m.Version), func(v string) (bool, error) {
		dir, err := p.source(ctx, m.Path, v)
		if err != nil {
			return false, ctx.Err()
		}
		u := &uses{module: m}
		seen := make(map[string]bool)
		for _, path := range p.graph.entries(m.Path) {
			if !u.addPackage(dir, m.Path, path, seen) {
				return false, nil
			}
		}
		return u.none(), nil
	})
}

// addPackage adds the uses in a package of the module path, whose directory is
// dir, and in those of the same module that it imports. It returns false if it
// is not there.
func (u *uses) addPackage(dir, module, path string, seen map[string]bool) bool {
	if seen[path] {
		return true
	}
	seen[path] = true
	at := filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(path, module)))
	b, err := build.ImportDir(at, 0)
	if err != nil {
		return false
	}
	for _, f := range slices.Concat(b.GoFiles, b.CgoFiles) {
		if u.add(filepath.Join(at, f)) != nil {
			return false
		}
	}
	for _, i := range b.Imports {
		// What is not there is in a module of its own.
		if within(i, module) && hasPackage(dir, module, i) && !u.addPackage(dir, module, i, seen) {
			return false
		}
	}
	return true
}
