package program

import (
	"context"
	"errors"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A workshop has what the plans of a run share.
type workshop struct {
	opts    Options
	own     *migrate.Outcome
	stage   *stage
	cmd     *goCommand
	known   map[string][]string // releases, by module
	asked   map[string][]string // versions that others ask for, by module
	guessed map[string][]string // versions that are served, though not listed, by module
	sources map[string]string   // directories in the module cache, by module@version
	forks   map[string]*Fork    // by directory

	installed    string // Go
	grpc, grpcGo string // the version of grpc-go that is chosen, and its Go
}

// newPlan begins a plan for the module in root, of which dirs are looked
// through. It returns nil for a module that is not to be touched.
func (ws *workshop) newPlan(ctx context.Context, root string, dirs []string) (*plan, error) {
	abs, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	p := &plan{workshop: ws, mod: &Module{Dir: root}, root: real(abs), dirs: dirs,
		refused: make(map[string]bool), tried: make(map[string]bool), stubs: make(map[string]string), wanted: make(map[string]bool), capped: make(map[string]bool)}
	path := filepath.Join(root, "go.mod")
	data, g, err := readGoMod(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		if data, err = p.newGoMod(ctx); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	case g == nil:
		return nil, nil
	default:
		p.mod.Path, p.oldMod = g.file.Module.Mod.Path, data
		if g.file.Go == nil { // else the go command takes its own version
			if err := g.file.AddGoStmt(noGo); err != nil {
				return nil, err
			}
			data = g.format()
		}
	}
	if p.oldSum, err = os.ReadFile(filepath.Join(root, "go.sum")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if p.workspace, err = ws.findWorkspace(ctx, p); err != nil {
		return nil, err
	}
	in := func(file string) bool { return slices.Contains(dirs, filepath.Dir(file)) }
	p.needy = slices.ContainsFunc(ws.own.Needy, func(d string) bool { return slices.Contains(dirs, d) })
	p.changed = slices.ContainsFunc(ws.own.Files, func(f *migrate.Result) bool { return in(f.Name) })
	p.stuck = p.needy || p.oldMod == nil || p.changed ||
		slices.ContainsFunc(ws.own.Reports, func(r migrate.Report) bool { return !r.Note && in(r.File) })
	p.file = ws.stage.temp("go.mod")
	if err := os.MkdirAll(filepath.Dir(p.file), 0o777); err != nil {
		return nil, err
	}
	if err := errors.Join(os.WriteFile(p.file, data, 0o666), os.WriteFile(p.sum(), p.oldSum, 0o666)); err != nil {
		return nil, err
	}
	if p.oldMod == nil { // for the go command to know where the module is
		return p, ws.stage.put(filepath.Join(p.root, "go.mod"), data)
	}
	return p, nil
}

// start raises grpc-go, if the program has to do with it.
func (p *plan) start(ctx context.Context) error {
	if err := p.linkSiblings(); err != nil {
		return err
	}
	if err := p.pinLocked(ctx); err != nil {
		return err
	}
	was, err := p.grpcVersion(ctx)
	if err != nil {
		return err
	}
	p.mod.Was = was
	if was == "" && !p.stuck {
		return nil
	}
	return p.raiseGRPC(ctx)
}

// grpcVersion is the version of grpc-go in the build list, or "".
func (p *plan) grpcVersion(ctx context.Context) (string, error) {
	var out string
	err := p.resolving(ctx, func() (err error) {
		out, err = p.goRun(ctx, "list", "-m", "-json", "all")
		return err
	})
	if err != nil {
		return "", err
	}
	mods, err := modules(out)
	for _, m := range mods {
		if m.Path == grpcPath {
			if m.Replace != nil && m.Replace.Version != "" {
				return m.Replace.Version, nil
			}
			return m.Version, nil
		}
	}
	return "", err
}

func (p *plan) raiseGRPC(ctx context.Context) (err error) {
	if err := p.chooseGRPC(ctx); err != nil {
		return err
	}
	if p.unraised, err = p.save(); err != nil {
		return err
	}
	p.mod.GRPC = p.grpc
	goVersion := needGo
	if version.Compare("go"+p.grpcGo, "go"+goVersion) > 0 {
		goVersion = p.grpcGo
	}
	_, err = p.edit(func(g *goMod) {
		g.raiseGRPC(p.grpc, goVersion)
		if p.needy {
			g.useModule(p.opts.Replace)
		}
	})
	return err
}

// An optionError is an option that asks for what cannot be.
type optionError struct{ error }

// checkGRPC says what is wrong with the version of grpc-go that is asked for,
// as far as that can be told without a look at it.
func checkGRPC(opts Options) error {
	v := opts.GRPC
	switch {
	case v == "" || v == "latest" && opts.Deps:
		return nil
	case v == "latest":
		return errors.New("-grpc latest: with -deps=false nothing is asked for; name the version, or leave out one of the two")
	case !semver.IsValid(v):
		return fmt.Errorf("-grpc %s: that is no version; write it like %s", v, needGRPC)
	case semver.Compare(v, needGRPC) < 0:
		return fmt.Errorf("-grpc %s: %s needs %s or newer", v, migrate.Module, needGRPC)
	}
	return nil
}

// chooseGRPC chooses the version of grpc-go that all modules of the run go to.
func (ws *workshop) chooseGRPC(ctx context.Context) (err error) {
	if ws.grpc != "" {
		return nil
	}
	v := ws.opts.GRPC
	if v == "" || v == "latest" {
		if v, err = ws.newestFor(ctx, grpcPath); err != nil {
			return fmt.Errorf("the newest grpc-go is not known (give one by -grpc VERSION): %w", err)
		}
		if v == "" {
			return errors.New("no version of grpc-go can be built with the installed Go")
		}
		if semver.Compare(v, needGRPC) < 0 {
			return fmt.Errorf("the newest grpc-go that Go %s builds is %s, and %s needs %s or newer: install a newer Go", ws.installed, v, migrate.Module, needGRPC)
		}
	}
	needs, ok, err := ws.canBuild(ctx, grpcPath, v)
	var failed *goError
	if errors.As(err, &failed) {
		if lacking, why := notServed(failed.text); lacking != "" {
			return optionError{fmt.Errorf("-grpc %s: there is no such version: %s", v, why)}
		}
	}
	if err != nil {
		return err
	}
	if !ok {
		return optionError{fmt.Errorf("-grpc %s: that needs Go %s, and %s is installed", v, needs, ws.installed)}
	}
	ws.grpc, ws.grpcGo = v, needs
	return nil
}

// newestFor is the newest version of a module that the installed Go can build,
// or "".
func (ws *workshop) newestFor(ctx context.Context, path string) (string, error) {
	versions, err := ws.releases(ctx, path)
	if err != nil {
		return "", err
	}
	for _, v := range slices.Backward(versions) {
		if _, ok, err := ws.canBuild(ctx, path, v); ok || err != nil {
			return v, err
		}
	}
	return "", nil
}

// canBuild says which Go a version of a module asks for, and whether that is
// installed.
func (ws *workshop) canBuild(ctx context.Context, path, v string) (needs string, ok bool, err error) {
	if ws.installed == "" {
		out, err := ws.query(ctx, "env", "GOVERSION")
		if err != nil {
			return "", false, err
		}
		ws.installed = strings.TrimSpace(out)
	}
	out, err := ws.query(ctx, "list", "-mod=mod", "-m", "-json", path+"@"+v)
	if err != nil {
		return "", false, err
	}
	mods, err := modules(out)
	if err != nil || len(mods) == 0 {
		return "", false, err
	}
	// GoVersion is not said of a version that asks for a newer Go.
	data, err := os.ReadFile(mods[0].GoMod)
	if err != nil {
		return "", false, err
	}
	needs = "1.16"
	if f, err := modfile.ParseLax(mods[0].GoMod, data, nil); err == nil && f.Go != nil {
		needs = f.Go.Version
	}
	return needs, version.Compare("go"+needs, ws.installed) <= 0, nil
}

// searchGRPC looks for the newest grpc-go at which the program does build, if
// dependencies are left that do not compile.
func (p *plan) searchGRPC(ctx context.Context) error {
	if !slices.ContainsFunc(p.mod.Build.Failures, func(f *Failure) bool { return f.module != nil && !f.module.Main }) {
		return nil
	}
	versions, err := p.releases(ctx, grpcPath)
	if err != nil {
		return err
	}
	lower := slices.DeleteFunc(minors(versions), func(v string) bool {
		return semver.Compare(v, needGRPC) < 0 || semver.Compare(v, p.mod.GRPC) >= 0
	})
	if semver.Compare(needGRPC, p.mod.GRPC) < 0 && !slices.Contains(lower, needGRPC) && slices.Contains(versions, needGRPC) {
		lower = slices.Insert(lower, 0, needGRPC)
	}
	slices.Reverse(lower)
	found, err := lowest(lower, func(v string) (bool, error) {
		p.say("trying " + grpcPath + " " + v)
		return p.buildsWith(p.budget, v)
	})
	if p.timeout(ctx) {
		p.mod.Slow = append(p.mod.Slow, grpcPath)
		return nil
	}
	p.mod.Build.BuildsWith = found
	return err
}

// buildsWith says whether the program builds with another grpc-go.
func (p *plan) buildsWith(ctx context.Context, v string) (bool, error) {
	ws := *p.workshop
	ws.opts.GRPC, ws.grpc, ws.forks = v, "", make(map[string]*Fork)
	var err error
	if ws.stage, err = newStage(); err != nil {
		return false, err
	}
	defer ws.stage.close()
	for path, content := range p.stage.files {
		if err := ws.stage.put(path, content); err != nil {
			return false, err
		}
	}
	q, err := ws.newPlan(ctx, p.mod.Dir, p.dirs)
	if err != nil {
		return false, err
	}
	q.budget, q.refused = ctx, p.refused
	if err := q.start(ctx); err != nil {
		return false, err
	}
	if _, err := q.settle(ctx); err != nil {
		return false, err
	}
	if err := q.tidyUp(ctx); err != nil {
		return false, err
	}
	b, err := q.build(ctx)
	if err != nil {
		return false, err
	}
	return b.OK, nil
}

// finish returns go.mod and go.sum as they come to be, if they change.
func (p *plan) finish() (files []*migrate.Result, err error) {
	if err := errors.Join(p.dropStubs(), p.settleForks(), p.unlinkSiblings()); err != nil {
		return nil, err
	}
	if err := p.keepRaised(); err != nil {
		return nil, err
	}
	p.noteTidy()
	if err := p.noteUnlocked(); err != nil {
		return nil, err
	}
	return p.differing()
}

// differing returns go.mod and go.sum of the stage, if they are others than those of
// the module.
func (p *plan) differing() (files []*migrate.Result, err error) {
	for _, f := range []struct {
		name, at string
		old      []byte
	}{{"go.mod", p.file, p.oldMod}, {"go.sum", p.sum(), p.oldSum}} {
		now, err := os.ReadFile(f.at)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		r := &migrate.Result{Name: filepath.Join(p.mod.Dir, f.name), Old: f.old, New: now}
		if r.Changed() {
			files = append(files, r)
		}
	}
	return files, nil
}

// keepRaised forgets the modules that were raised and that nothing needs any
// more.
func (p *plan) keepRaised() error {
	_, err := p.edit(func(g *goMod) {
		p.mod.Raised = slices.DeleteFunc(p.mod.Raised, func(r Raise) bool { return g.required(r.Module) == nil })
	})
	return err
}

// noteTidy says what go mod tidy has against the module, which still builds: a
// test of a dependency, mostly. A module that cannot be had is said elsewhere.
func (p *plan) noteTidy() {
	if p.tidy == "" || len(p.stubs) > 0 {
		return
	}
	write := "use go mod tidy -e, or require a version of that module whose tests do without"
	if p.tidyLacksNaming() {
		write = "leave out -dropin=false"
	}
	lines := strings.Split(strings.TrimSpace(p.tidy), "\n")
	p.report(migrate.Report{File: p.mod.file(), Line: 1, Column: 1, Note: !p.tidyLacksNaming(),
		Reason: "go mod tidy does not find all that it looks for: " + strings.Join(strings.Fields(strings.Join(lines[max(0, len(lines)-3):], " ")), " "),
		Write:  write})
}

// say tells what takes time.
func (ws *workshop) say(doing string) {
	if ws.opts.Doing != nil {
		ws.opts.Doing(doing)
	}
}

func modfileBytes(g *goMod) []byte { return modfile.Format(g.file.Syntax) }
