package program

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A Tidying works out what becomes of go.mod files when code no longer imports this
// module, and builds what has been written.
type Tidying struct {
	Modules []*Tidied // those whose go.mod names this module

	stage   *stage
	plans   []*plan
	opts    Options
	changes bool
}

// A Tidied is what becomes of one go.mod.
type Tidied struct {
	Path    string            `json:"module"`
	Gone    bool              `json:"gone"`              // it names this module no more
	Chain   []string          `json:"chain,omitempty"`   // of imports, from the program to the package that needs this module
	Failed  string            `json:"failed,omitempty"`  // what go mod tidy has against it
	Command string            `json:"command,omitempty"` // to type next: go.work is the reader's
	Files   []*migrate.Result `json:"-"`                 // go.mod and go.sum, if they change
}

// Tidy runs go mod tidy on the modules in roots, as they are when files have been
// written, and writes nothing. A module is left alone unless its go.mod, or a go.work
// that it is in, names this module or its drop-in.
func Tidy(ctx context.Context, roots []string, files []*migrate.Result, doing func(string)) (_ *Tidying, err error) {
	t := &Tidying{opts: Options{Doing: doing}}
	if t.stage, err = newStage(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			t.Close()
		}
	}()
	for _, f := range files {
		abs, err := filepath.Abs(f.Name)
		if err != nil {
			return nil, err
		}
		if err := t.stage.put(real(abs), f.New); err != nil {
			return nil, err
		}
	}
	ws := &workshop{opts: t.opts, own: &migrate.Outcome{Files: files}, stage: t.stage, cmd: &goCommand{env: []string{"GOWORK=off"}, progress: doing}}
	for _, root := range roots {
		p, err := ws.newPlan(ctx, root, nil)
		if err != nil {
			return nil, err
		}
		if p == nil {
			continue
		}
		t.plans = append(t.plans, p)
		m, err := p.withoutUs(ctx)
		if err != nil {
			return nil, err
		}
		if m != nil {
			t.Modules = append(t.Modules, m)
		}
	}
	t.changes = len(files)+len(t.Files()) > 0
	return t, nil
}

// Close gives back what t holds.
func (t *Tidying) Close() { t.stage.close() }

// Files are those that change.
func (t *Tidying) Files() (files []*migrate.Result) {
	for _, m := range t.Modules {
		files = append(files, m.Files...)
	}
	return files
}

// names says whether a go.mod names this module or its drop-in.
func (m *goMod) names() bool {
	for _, path := range []string{migrate.Module, migrate.Removed} {
		if m.required(path) != nil || m.replacement(path) != nil {
			return true
		}
	}
	return false
}

// withoutUs has go mod tidy take this module out of go.mod, if nothing needs it.
func (p *plan) withoutUs(ctx context.Context) (*Tidied, error) {
	before, err := p.goMod()
	if err != nil {
		return nil, err
	}
	ours := ""
	if p.workspace != nil {
		ours = p.workspace.dirs[migrate.Module]
	}
	if !before.names() && ours == "" {
		return nil, nil
	}
	m := &Tidied{Path: p.mod.Path}
	if err := p.linkSiblings(); err != nil {
		return nil, err
	}
	var failed *goError
	if _, err := p.goRun(ctx, "mod", "tidy"); errors.As(err, &failed) {
		m.Failed = strings.TrimSpace(p.stage.named(failed.text, p.root))
		return m, nil
	} else if err != nil {
		return nil, err
	}
	after, err := p.goMod()
	if err != nil {
		return nil, err
	}
	for _, path := range []string{migrate.Module, migrate.Removed} {
		if after.required(path) != nil {
			m.Chain, err = p.why(ctx, path)
			return m, err
		}
	}
	m.Gone = before.names()
	if ours != "" {
		m.Command = in(p.opts.show(filepath.Dir(p.workspace.file)), "go work edit -dropuse="+relativeTo(filepath.Dir(p.workspace.file), ours)) +
			"   # unless another module of the workspace needs it"
	}
	if p.workspace != nil { // go mod tidy has seen the siblings in the place of what go.mod says
		if err := errors.Join(os.WriteFile(p.file, p.oldMod, 0o666), os.WriteFile(p.sum(), p.oldSum, 0o666)); err != nil {
			return nil, err
		}
	}
	if _, err := p.edit(func(g *goMod) {
		for _, path := range []string{migrate.Module, migrate.Removed} {
			if p.workspace != nil && g.required(path) != nil {
				g.file.DropRequire(path)
			}
			for _, r := range slices.Clone(g.file.Replace) {
				if r.Old.Path == path {
					g.file.DropReplace(path, r.Old.Version)
				}
			}
		}
	}); err != nil {
		return nil, err
	}
	m.Files, err = p.differing()
	return m, err
}

// why is the chain of imports that leads to a module.
func (p *plan) why(ctx context.Context, path string) (chain []string, err error) {
	out, err := p.goRun(ctx, "mod", "why", "-m", path)
	for line := range strings.Lines(out) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' && line[0] != '(' {
			chain = append(chain, line)
		}
	}
	return chain, err
}

func relativeTo(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil {
		return rel
	}
	return path
}

// Prove builds the packages that patterns name, seen from dir, in the user's environment,
// with their tests. Before that it vendors anew what is vendored, if something has been
// written. It returns the vendor directories, and what does not build.
func (t *Tidying) Prove(ctx context.Context, dir string, patterns []string) (vendored []string, failure string, err error) {
	done := make(map[string]bool)
	var failed *goError
	for _, p := range t.plans {
		vendor, args := p.vendor()
		if done[vendor] || !t.changes || !isDir(vendor) {
			continue
		}
		done[vendor] = true
		if _, err := p.usersGo().run(ctx, filepath.Dir(vendor), args...); errors.As(err, &failed) {
			return vendored, failed.Error(), nil
		} else if err != nil {
			return vendored, "", err
		}
		vendored = append(vendored, p.opts.show(vendor)+string(filepath.Separator))
	}
	cmd := &goCommand{progress: t.opts.Doing}
	for _, args := range [][]string{{"build", "-o", os.DevNull}, compileTests} {
		if _, err := cmd.run(ctx, dir, append(slices.Clip(args), patterns...)...); errors.As(err, &failed) {
			return vendored, failed.Error(), nil
		} else if err != nil {
			return vendored, "", err
		}
	}
	return vendored, "", nil
}
