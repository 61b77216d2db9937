package program

import (
	"bytes"
	"context"
	"go/version"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A workspace is a go.work that uses a module.
type workspace struct {
	file string            // absolute
	dirs map[string]string // of the modules that it uses, by path
}

// findWorkspace returns the workspace that p's module is used by, if any. The
// go command does not stage a workspace: each module is worked out alone, with
// its siblings replaced by their directories for so long.
func (ws *workshop) findWorkspace(ctx context.Context, p *plan) (*workspace, error) {
	out, err := (&goCommand{}).run(ctx, p.root, "env", "GOWORK")
	if err != nil {
		return nil, err
	}
	file := strings.TrimSpace(out)
	if file == "" || file == "off" {
		return nil, nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	work, err := modfile.ParseWork(file, data, nil)
	if err != nil {
		return nil, err
	}
	w := &workspace{file: file, dirs: make(map[string]string)}
	used := false
	for _, u := range work.Use {
		dir := filepath.FromSlash(u.Path)
		if !filepath.IsAbs(dir) {
			dir = filepath.Join(filepath.Dir(file), dir)
		}
		if dir = real(dir); dir == p.root {
			used = true
			continue
		}
		if data, err := os.ReadFile(filepath.Join(dir, "go.mod")); err == nil {
			w.dirs[modfile.ModulePath(data)] = dir
		}
	}
	if !used {
		return nil, nil
	}
	return w, nil
}

// linkSiblings replaces the other modules of the workspace by their
// directories, and what those may need by a checkout.
func (p *plan) linkSiblings() error {
	if p.workspace == nil {
		return nil
	}
	_, err := p.edit(func(g *goMod) {
		for _, path := range sortedKeys(p.workspace.dirs) {
			if g.replacement(path) == nil {
				g.file.AddReplace(path, "", p.workspace.dirs[path], "")
				p.siblings = append(p.siblings, path)
			}
		}
		if p.opts.Replace != "" {
			g.replace(migrate.Module, g.relative(p.opts.Replace))
			g.replace(migrate.Removed, g.relative(p.opts.Replace)+"/naming/dropin")
		}
	})
	return err
}

// unlinkSiblings takes out again what linkSiblings put in, and what it brought.
func (p *plan) unlinkSiblings() error {
	if p.workspace == nil {
		return nil
	}
	_, old, _ := readGoMod(p.mod.file())
	_, err := p.edit(func(g *goMod) {
		for _, path := range p.siblings {
			g.file.DropReplace(path, "")
			if old == nil || old.required(path) == nil {
				g.file.DropRequire(path)
			}
		}
		for _, path := range []string{migrate.Module, migrate.Removed} {
			if g.required(path) == nil {
				g.file.DropReplace(path, "")
			}
		}
	})
	return err
}

// addWorkFiles adds the go.work files whose go line has to follow those of
// their modules.
func (o *Outcome) addWorkFiles(opts *Options) error {
	done := make(map[string]bool)
	for _, p := range o.plans {
		w := p.workspace
		if w == nil || done[w.file] {
			continue
		}
		done[w.file] = true
		data, err := os.ReadFile(w.file)
		if err != nil {
			return err
		}
		work, err := modfile.ParseWork(w.file, data, nil)
		if err != nil {
			return err
		}
		highest := ""
		for _, q := range o.plans {
			if q.workspace == nil || q.workspace.file != w.file || q.mod.Clean || q.mod.failed() {
				continue
			}
			data, err := os.ReadFile(q.file)
			if err != nil {
				return err
			}
			if f, err := modfile.ParseLax(q.file, data, nil); err == nil && f.Go != nil && version.Compare("go"+f.Go.Version, "go"+highest) > 0 {
				highest = f.Go.Version
			}
		}
		was := "1.18" // the first that knew go.work
		if work.Go != nil {
			was = work.Go.Version
		}
		if highest == "" || version.Compare("go"+was, "go"+highest) >= 0 {
			continue
		}
		if err := work.AddGoStmt(highest); err != nil {
			return err
		}
		if t := work.Toolchain; t != nil && version.Compare(t.Name, "go"+highest) < 0 {
			work.DropToolchainStmt()
		}
		if now := modfile.Format(work.Syntax); !bytes.Equal(now, data) {
			o.Files = append(o.Files, &migrate.Result{Name: opts.show(w.file), Old: data, New: now})
		}
	}
	return nil
}

// forkDir is the directory for copies.
func (p *plan) forkDir() string {
	if filepath.IsAbs(p.opts.Fork) {
		return p.opts.Fork
	}
	if p.workspace != nil {
		return filepath.Join(filepath.Dir(p.workspace.file), p.opts.Fork)
	}
	return filepath.Join(p.root, p.opts.Fork)
}

// show is an absolute path as it is reported: relative where that is shorter.
func (o *Options) show(path string) string {
	wd, err := os.Getwd()
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(real(wd), path); err == nil && !slices.Contains(strings.Split(rel, string(filepath.Separator)), "..") {
		return rel
	}
	return path
}
