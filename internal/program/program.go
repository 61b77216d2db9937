package program

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/module"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// Options say what is to be done, and how far.
type Options struct {
	migrate.Options
	// Replace is the directory of a checkout of this module, for replace
	// directives in go.mod; empty for none.
	Replace string
	// Deps is whether dependencies are looked at. Without, the go command is
	// not needed.
	Deps bool
	// Dropin is whether our module takes the place of
	// google.golang.org/grpc/naming where dependencies import that.
	Dropin bool
	// Fork is the directory for copies of dependencies, relative to that of
	// go.mod or go.work; empty for none.
	Fork string
	// Check is whether the program is built.
	Check bool
	// GRPC is the version of grpc-go to go to; empty for the newest that the
	// installed Go builds.
	GRPC string
	// Module is the path of a module that has no go.mod yet; empty for what
	// the tree itself says.
	Module string
	// Try is how long versions of dependencies that do not compile are tried;
	// 0 for ten minutes.
	Try time.Duration

	// Directories, if not nil, is called now and then while own code is
	// rewritten, and Doing with what takes time afterwards.
	Directories func(done, total int)
	Doing       func(what string)
}

// An Outcome is what becomes of a program. Nothing has been written.
type Outcome struct {
	Files    []*migrate.Result // own files that change, go.mod and the like last
	Reports  []migrate.Report
	Modules  []*Module // of which the dependencies were looked at
	Commands []string  // to type next

	roots  []string // where modules are, or will be
	stage  *stage
	plans  []*plan
	failed bool // there is a module without a plan
}

// A Module is what becomes of one go.mod.
type Module struct {
	Dir      string   `json:"dir"`
	Path     string   `json:"module"`
	PathFrom string   `json:"pathFrom,omitempty"` // what says the path, if there was no go.mod
	Packages int      `json:"packages"`           // that were looked at
	Was      string   `json:"was,omitempty"`      // the version of grpc-go
	GRPC     string   `json:"grpc,omitempty"`     // that it goes to
	Clean    bool     `json:"clean"`              // nothing of what grpc-go removed is used: nothing changes
	Unseen   string   `json:"unseen,omitempty"`   // why its dependencies could not be looked at
	Stopped  string   `json:"stopped,omitempty"`  // why nothing is done about it
	Lacking  []string `json:"lacking,omitempty"`  // modules that cannot be had, with the reason
	Dropin   []string `json:"dropin,omitempty"`   // modules that import google.golang.org/grpc/naming
	Raised   []Raise  `json:"raised,omitempty"`
	Forks    []*Fork  `json:"forks,omitempty"`
	Slow     []string `json:"slow,omitempty"` // modules of which there was no time to try all versions
	Build    *Build   `json:"build,omitempty"`
}

func (m *Module) file() string { return filepath.Join(m.Dir, "go.mod") }

// changes says whether dependencies need anything.
func (m *Module) changes() bool { return len(m.Dropin)+len(m.Raised)+len(m.Forks) > 0 }

// failed says whether what becomes of the module is not known.
func (m *Module) failed() bool { return m.Unseen != "" || m.Stopped != "" }

// Unseen says whether it is not known what becomes of any module, as its
// dependencies could not be looked at or for another reason.
func (o *Outcome) Unseen() bool { return o.failed || slices.ContainsFunc(o.Modules, (*Module).failed) }

// Left says whether the reader has something to do, or something was not seen.
func (o *Outcome) Left() bool {
	return slices.ContainsFunc(o.Reports, func(r migrate.Report) bool { return !r.Note }) ||
		slices.ContainsFunc(o.Modules, func(m *Module) bool {
			return m.failed() || len(m.Lacking) > 0 || m.Build != nil && m.Build.concern()
		})
}

// Close gives back what the outcome holds. It is no use afterwards.
func (o *Outcome) Close() {
	if o.stage != nil {
		o.stage.close()
	}
}

// Run works out what becomes of the files that patterns name, and of the
// modules that they are in, and writes nothing. An error means that there was
// nothing to work on, that the options are wrong, or that ctx is done; what
// goes wrong with a file or a module is in the Outcome.
func Run(ctx context.Context, patterns []string, opts Options) (*Outcome, error) {
	if opts.Replace != "" {
		if err := checkReplace(opts.Replace); err != nil {
			return nil, err
		}
	}
	if err := checkGRPC(opts); err != nil {
		return nil, err
	}
	if opts.Module != "" {
		if err := module.CheckImportPath(opts.Module); err != nil {
			return nil, fmt.Errorf("-module: %w", err)
		}
	}
	if opts.Try == 0 {
		opts.Try = defaultTry
	}
	own, err := migrate.Run(ctx, patterns, opts.Options, opts.Directories)
	if err != nil {
		return nil, err
	}
	if len(own.Dirs) == 0 {
		return nil, fmt.Errorf("%s: there are no Go files to migrate", strings.Join(patterns, " "))
	}
	o := &Outcome{Files: own.Files, Reports: own.Reports}
	roots, loose := moduleRoots(own.Dirs)
	o.roots = sortedKeys(roots)
	if len(loose) > 0 {
		o.roots = append(o.roots, looseRoot(loose))
	}
	if !opts.Deps {
		o.ownAlone(own, roots, loose, opts)
	} else if err := o.withDependencies(ctx, own, roots, loose, opts); err != nil {
		o.Close()
		return nil, err
	}
	migrate.SortReports(o.Reports)
	o.Reports = slices.Compact(o.Reports) // modules of a workspace share copies
	return o, nil
}

func (o *Outcome) withDependencies(ctx context.Context, own *migrate.Outcome, roots map[string][]string, loose []string, opts Options) (err error) {
	if o.stage, err = newStage(); err != nil {
		return err
	}
	ws := &workshop{opts: opts, own: own, stage: o.stage,
		cmd:   &goCommand{env: []string{"GOWORK=off"}, progress: opts.Doing},
		known: make(map[string][]string), asked: make(map[string][]string), guessed: make(map[string][]string), sources: make(map[string]string), forks: make(map[string]*Fork)}
	if len(loose) > 0 {
		roots[looseRoot(loose)] = loose
	}
	for _, f := range own.Files {
		if abs, err := filepath.Abs(f.Name); err != nil {
			return err
		} else if err := o.stage.put(real(abs), f.New); err != nil {
			return err
		}
	}
	for _, root := range sortedKeys(roots) {
		p, err := ws.newPlan(ctx, root, roots[root])
		if err != nil {
			o.failed = true
			o.Reports = append(o.Reports, migrate.Broken(filepath.Join(root, "go.mod"), err))
			continue
		}
		if p != nil {
			o.plans = append(o.plans, p)
		}
	}
	for _, p := range o.plans {
		if err := o.carryOut(ctx, p); err != nil {
			return err
		}
	}
	return o.addWorkFiles(&opts)
}

// carryOut works a plan out and adds what comes of it.
func (o *Outcome) carryOut(ctx context.Context, p *plan) error {
	o.Modules = append(o.Modules, p.mod)
	err := p.start(ctx)
	if err == nil {
		err = p.work(ctx)
	}
	if p.stop != nil {
		defer p.stop()
	}
	if err == nil && p.mod.Build != nil && !p.mod.Build.OK {
		err = p.searchGRPC(ctx)
	}
	for mod, why := range p.stubs {
		p.mod.Lacking = append(p.mod.Lacking, mod+": "+why)
	}
	slices.Sort(p.mod.Lacking)
	var wrong optionError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &wrong):
		return err
	case err != nil:
		if failed := (*goError)(nil); !errors.As(err, &failed) {
			p.mod.Stopped = err.Error()
			return nil
		}
		p.mod.Unseen = err.Error()
		if p.opts.Replace == "" && strings.Contains(p.mod.Unseen, migrate.Module+"@v0.0.0") {
			p.mod.Unseen += "\nthat is " + unpublished
		}
		return nil
	case p.mod.Clean:
		return nil
	}
	files, err := p.finish()
	if err != nil {
		return err
	}
	p.changed = p.changed || len(files)+len(p.mod.Forks) > 0
	o.Files = append(o.Files, files...)
	o.Reports = slices.Concat(o.Reports, p.missed, p.reports, p.edited)
	for _, f := range p.mod.Forks {
		o.Reports = append(o.Reports, f.reports...)
	}
	return nil
}

// Write writes all that changes, and returns the names of what it wrote: one
// for a fork. It goes on after an error, which is reported.
func (o *Outcome) Write() (written []string) {
	write := func(r *migrate.Result) bool {
		if err := r.Write(); err != nil {
			o.Reports = append(o.Reports, migrate.NotWritten(r, err))
			return false
		}
		return true
	}
	// Of the copies that modules of a workspace share, the last has what those
	// before it have.
	last := make(map[string]*Fork)
	for _, m := range o.Modules {
		for _, f := range m.Forks {
			last[f.root] = f
		}
	}
	for _, root := range sortedKeys(last) {
		ok := true
		for _, r := range last[root].results {
			ok = ok && write(r)
		}
		if ok {
			written = append(written, last[root].Dir+string(filepath.Separator))
		}
	}
	for _, r := range o.Files {
		if write(r) {
			written = append(written, r.Name)
		}
	}
	return written
}

// Prove tidies, vendors and builds, in the user's environment, what Write has
// written. It returns the vendor directories that it has made anew, which is
// done with Options.Check or without.
func (o *Outcome) Prove(ctx context.Context) (vendored []string, err error) {
	defer func() {
		if err != nil { // what built in the stage is no proof
			for _, p := range o.plans {
				p.mod.Build = nil
			}
		}
	}()
	done := make(map[string]bool)
	for _, p := range o.plans {
		if !p.provable() {
			continue
		}
		cmd := p.usersGo()
		if p.opts.Check && p.workspace == nil && p.tidy == "" { // of a workspace tidy sees one module alone
			if _, err := cmd.run(ctx, p.root, "mod", "tidy"); err != nil {
				return vendored, err
			}
		}
		dir, args := p.vendor()
		if !p.changed || done[dir] || !isDir(dir) {
			continue
		}
		done[dir] = true
		if _, err := cmd.run(ctx, filepath.Dir(dir), args...); err != nil {
			return vendored, err
		}
		vendored = append(vendored, p.opts.show(dir)+string(filepath.Separator))
	}
	for _, p := range o.plans {
		if !p.provable() || !p.opts.Check {
			continue
		}
		cmd := p.usersGo()
		b, err := p.buildBy(ctx, func(args ...string) (string, error) { return cmd.run(ctx, p.root, args...) })
		if err != nil {
			return vendored, err
		}
		if p.mod.Build != nil {
			b.BuildsWith = p.mod.Build.BuildsWith
		}
		p.mod.Build = b
	}
	return vendored, nil
}

// usersGo is the go command as the user runs it. A module that the go.work above
// it does not use is none for the go command, unless it is told to forget that.
func (p *plan) usersGo() *goCommand {
	cmd := &goCommand{progress: p.opts.Doing}
	if p.workspace == nil {
		cmd.env = []string{"GOWORK=off"}
	}
	return cmd
}

// provable says whether the module is as the go command needs it.
func (p *plan) provable() bool {
	return !p.mod.Clean && !p.mod.failed() && len(p.stubs) == 0
}

// vendor returns where the module's dependencies would be, and the arguments of
// the go command that puts them there.
func (p *plan) vendor() (dir string, args []string) {
	root, verb := p.root, "mod"
	if p.workspace != nil {
		root, verb = filepath.Dir(p.workspace.file), "work"
	}
	args = []string{verb, "vendor"}
	if p.tidy != "" {
		args = append(args, "-e")
	}
	return filepath.Join(root, "vendor"), args
}

// Dirty returns how many files below the modules' directories git has as
// changed and not committed.
func (o *Outcome) Dirty(ctx context.Context) int { return Dirty(ctx, o.roots) }

// Dirty returns how many files below the directories git has as changed and not
// committed.
func Dirty(ctx context.Context, dirs []string) int {
	changed := make(map[string]bool) // one may be below another
	for _, dir := range dirs {
		top, err := git(ctx, dir, "rev-parse", "--show-toplevel")
		if err != nil {
			continue
		}
		if out, err := git(ctx, dir, "status", "--porcelain", "--", "."); err == nil {
			for line := range strings.Lines(out) {
				changed[top+line] = true
			}
		}
	}
	return len(changed)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
