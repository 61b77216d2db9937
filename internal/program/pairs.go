package program

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// pairs finds the packages that two modules of the build list have, one of
// them with the shorter path, from before the package became a module of its
// own. It raises that one to the lowest version without the package.
//
// The go command finds a pair only where it has to look at both: where one of
// them is not required directly, it takes the other and says nothing. That is
// as well if it takes the longer path, and wrong if it takes the shorter.
func (p *plan) pairs(ctx context.Context) (changed bool, err error) {
	list := p.list
	byPath := make(map[string]*modInfo)
	for _, m := range list {
		byPath[m.Path] = m
	}
	now := make(map[string]string)      // by package: the module that has it too
	losing := make(map[string][]string) // by module: the packages
	for _, path := range slices.Sorted(maps.Keys(p.graph.pkgs)) {
		k := p.graph.pkgs[path]
		short, long := ambiguous(k)
		for _, m := range list {
			if short != "" || k.Module == nil || k.Module.Main || m.Main || len(m.Path) <= len(k.Module.Path) || !within(m.Path, k.Module.Path) || !within(path, m.Path) {
				continue
			}
			has, err := p.contains(ctx, m, path)
			if err != nil {
				return false, err
			}
			if has {
				short, long = k.Module.Path, m.Path
			}
		}
		if short != "" {
			losing[short], now[path] = append(losing[short], path), long
		}
	}
	for _, short := range slices.Sorted(maps.Keys(losing)) {
		c, err := p.split(ctx, byPath[short], losing[short], now)
		if err != nil {
			return false, err
		}
		changed = changed || c
	}
	return changed, nil
}

// buildList returns the modules that the go command has chosen.
func (p *plan) buildList(ctx context.Context) ([]*modInfo, error) {
	out, err := p.goRun(ctx, "list", "-m", "-json", "all")
	if err != nil {
		return nil, err
	}
	return modules(out)
}

// ambiguous returns the modules that the go command finds a package in, if they
// are two.
func ambiguous(k *pkg) (short, long string) {
	if k.Error == nil {
		return "", ""
	}
	_, found, ok := strings.Cut(k.Error.Err, "ambiguous import: found package "+k.ImportPath+" in multiple modules:")
	if !ok {
		return "", ""
	}
	for line := range strings.Lines(found) {
		if f := strings.Fields(line); len(f) >= 2 && within(k.ImportPath, f[0]) {
			if short == "" || len(f[0]) < len(short) {
				short = f[0]
			}
			if len(f[0]) > len(long) {
				long = f[0]
			}
		}
	}
	if short == long {
		return "", ""
	}
	return short, long
}

// split raises a module to where it has none of the packages losing any more.
func (p *plan) split(ctx context.Context, m *modInfo, losing []string, now map[string]string) (changed bool, err error) {
	why := fmt.Sprintf("%s is in %s", losing[0], now[losing[0]])
	if m == nil || m.Main {
		return false, nil
	}
	fail := func(what string) (bool, error) {
		p.report(migrate.Report{File: p.mod.file(), Line: 1, Column: 1, Reason: fmt.Sprintf("%s, and in %s too: %s", why, m.at(), what),
			Write: "require a version of " + m.Path + " that has it no more"})
		return false, nil
	}
	if m.local() {
		return fail("that is replaced by a directory")
	}
	versions, err := p.candidates(ctx, m.Path, m.Version)
	if err != nil {
		return false, err
	}
	at := func(v string) *modInfo { return &modInfo{Path: m.Path, Version: v} }
	v, err := lowest(versions, func(v string) (bool, error) {
		for _, path := range losing {
			if has, err := p.contains(ctx, at(v), path); has || err != nil {
				return false, ctx.Err()
			}
		}
		return true, nil
	})
	if err != nil {
		return false, err
	}
	if v == "" {
		return fail("no newer version of it is known that has it no more")
	}
	for _, path := range p.graph.entries(m.Path) {
		if !slices.Contains(losing, path) {
			if has, err := p.contains(ctx, at(v), path); err != nil || !has {
				return fail(fmt.Sprintf("%s has it no more, but neither has it %s, which is needed", v, path))
			}
		}
	}
	return p.raise(m.Path, m.Version, v, why+" now")
}

// contains says whether a module has a package.
func (p *plan) contains(ctx context.Context, m *modInfo, path string) (bool, error) {
	dir := m.Dir
	if m.Replace != nil {
		if dir = m.Replace.Dir; dir == "" && m.Replace.Version != "" {
			return p.contains(ctx, m.Replace, m.Replace.Path+strings.TrimPrefix(path, m.Path))
		}
	}
	if dir == "" {
		var err error
		if dir, err = p.source(ctx, m.Path, m.Version); err != nil {
			return false, err
		}
	}
	return hasPackage(dir, m.Path, path), nil
}

// hasPackage says whether the module in dir has Go files in the directory of
// a package.
func hasPackage(dir, module, path string) bool {
	files, err := os.ReadDir(filepath.Join(dir, filepath.FromSlash(strings.TrimPrefix(path, module))))
	return err == nil && slices.ContainsFunc(files, func(e os.DirEntry) bool { return !e.IsDir() && strings.HasSuffix(e.Name(), ".go") })
}
