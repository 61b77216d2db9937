package program

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/gopathcode"
	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// A plan works out what becomes of one module.
type plan struct {
	*workshop
	mod            *Module
	root           string   // absolute
	dirs           []string // of the module's, that were looked through
	oldMod, oldSum []byte
	file           string     // the go.mod in the stage
	seen           []byte     // the same at the last look
	graph          *graph     // of that look
	list           []*modInfo // likewise: the build list

	needy     bool // own code needs this module
	stuck     bool // own code uses what grpc-go removed, or there is no go.mod
	changed   bool // a file of the module or of a copy
	workspace *workspace
	siblings  []string        // that are replaced for so long
	tree      gopathcode.Tree // what says of itself what has no go.mod

	unraised saved             // as it was before grpc-go was raised
	edited   []migrate.Report  // of edits of go.mod
	reports  []migrate.Report  // of the last round
	missed   []migrate.Report  // own code that no pattern names
	unlocked map[string]string // modules that are not as a lock file has them, with what to say
	refused  map[string]bool   // modules whose newer versions do not do
	tried    map[string]bool   // modules, with version, that trying has not helped
	stubs    map[string]string // modules that the proxy lacks, and why
	capped   map[string]bool   // modules whose newest version asks for a newer Go
	wanted   map[string]bool   // packages of forks that only go mod tidy looks at
	tidy     string            // what go mod tidy has against it
	tidied   bool              // since go.mod changed last

	trying bool            // a version of a module that does not compile
	budget context.Context // of trying versions
	stop   func()          // ends it
}

// goRun runs the go command on the module as the stage has it.
func (p *plan) goRun(ctx context.Context, args ...string) (string, error) {
	overlay, err := p.stage.overlay()
	if err != nil {
		return "", err
	}
	flags := []string{"-modfile=" + p.file, "-overlay=" + overlay}
	n := 1
	switch {
	case args[0] == "mod":
		n = 2
	case p.tidied: // and so it stays
		flags = append(flags, "-mod=readonly")
	default:
		flags = append(flags, "-mod=mod")
	}
	return p.cmd.run(ctx, p.root, slices.Concat(args[:n], flags, args[n:])...)
}

// goMod is the go.mod in the stage.
func (p *plan) goMod() (*goMod, error) {
	data, err := os.ReadFile(p.file)
	if err != nil {
		return nil, err
	}
	return parseGoMod(p.mod.file(), data)
}

// edit edits the go.mod in the stage, and says whether that changes it.
func (p *plan) edit(change func(*goMod)) (changed bool, err error) {
	g, err := p.goMod()
	if err != nil {
		return false, err
	}
	was, err := p.goMod() // another: format detaches what it moves out of a block of one
	if err != nil {
		return false, err
	}
	change(g)
	p.edited = append(p.edited, g.reports...)
	if after := g.format(); !bytes.Equal(after, was.format()) {
		p.tidied = false
		return true, os.WriteFile(p.file, after, 0o666)
	}
	return false, nil
}

// work goes through the rounds.
func (p *plan) work(ctx context.Context) error {
	if _, err := p.settle(ctx); err != nil {
		return err
	}
	if len(p.mod.Dropin) == 0 {
		if err := p.goModTidy(ctx); err != nil {
			return err
		}
		if _, err := p.heed(ctx); err != nil {
			return err
		}
	}
	p.overlooked()
	if clean, err := p.clean(ctx); clean || err != nil {
		p.mod.Clean = clean
		return err
	}
	if p.mod.GRPC == "" {
		if err := p.raiseGRPC(ctx); err != nil {
			return err
		}
		if _, err := p.settle(ctx); err != nil {
			return err
		}
	}
	budget, cancel := context.WithTimeout(ctx, p.opts.Try)
	p.budget, p.stop = budget, cancel
	for {
		if err := p.tidyUp(ctx); err != nil {
			return err
		}
		if !p.opts.Check {
			return nil
		}
		b, err := p.build(ctx)
		if err != nil {
			return err
		}
		p.mod.Build = b
		helped, err := p.help(ctx, b)
		if err != nil || !helped {
			return err
		}
		if _, err := p.settle(ctx); err != nil {
			return err
		}
	}
}

// clean says whether the module has no need of anything. What only raising
// grpc-go asks for is no need.
func (p *plan) clean(ctx context.Context) (bool, error) {
	if p.stuck || len(p.missed) > 0 || p.graph.uses(migrate.Module) || p.opts.GRPC != "" || len(p.mod.Dropin)+len(p.mod.Forks) > 0 || p.tidyLacksNaming() ||
		slices.ContainsFunc(p.mod.Raised, func(r Raise) bool { return r.removed }) || slices.ContainsFunc(p.reports, func(r migrate.Report) bool { return !r.Note }) {
		return false, nil
	}
	if !p.mod.changes() {
		return true, nil
	}
	if p.unraised.mod == nil {
		return false, nil
	}
	goal := p.mod.GRPC
	now, err := p.save()
	if err != nil {
		return false, err
	}
	if err := p.restore(p.unraised); err != nil {
		return false, err
	}
	if err := p.look(ctx); err != nil {
		return false, err
	}
	needs, err := p.pairs(ctx)
	p.mod.GRPC = goal
	if needs = needs || len(p.reports) > 0; err != nil || !needs {
		return !needs, err
	}
	return false, p.restore(now)
}

// settle goes through rounds until one changes nothing, and says whether any
// did change something.
func (p *plan) settle(ctx context.Context) (changed bool, err error) {
	steps := []func(context.Context) (bool, error){p.dropin, p.widen, p.dependencies, p.pairs}
	if p.trying {
		steps = []func(context.Context) (bool, error){p.pairs}
	}
	for round := 0; ; round++ {
		if round == rounds {
			return changed, p.restless()
		}
		if err := p.look(ctx); err != nil {
			return changed, err
		}
		if p.mod.GRPC == "" && p.graph.uses(grpcPath) { // which go.mod does not know of
			if err := p.raiseGRPC(ctx); err != nil {
				return changed, err
			}
			changed = true
			continue
		}
		p.reports = nil
		again := false
		for _, step := range steps {
			c, err := step(ctx)
			if err != nil {
				return changed, err
			}
			again = again || c
		}
		if !again {
			return changed, nil
		}
		changed = true
	}
}

// unchanged says whether go.mod is as it was at the last look.
func (p *plan) unchanged() bool {
	now, err := os.ReadFile(p.file)
	return err == nil && p.seen != nil && bytes.Equal(now, p.seen)
}

// look lists the packages and the modules.
func (p *plan) look(ctx context.Context) error {
	if p.unchanged() {
		return nil
	}
	err := p.resolving(ctx, func() (err error) {
		p.graph, err = p.listGraph(ctx)
		return err
	})
	if err != nil {
		return err
	}
	if p.list, err = p.buildList(ctx); err != nil {
		return err
	}
	if p.seen, err = os.ReadFile(p.file); err != nil {
		return err
	}
	p.mod.Packages = 0
	for _, k := range p.graph.pkgs {
		if !k.Standard && k.Dir != "" {
			p.mod.Packages++
		}
		if k.of(grpcPath) && p.mod.GRPC != "" {
			p.mod.GRPC = k.Module.Version
		}
	}
	return nil
}

func (p *plan) report(r migrate.Report) {
	r.Link = migrate.LinkDependencies
	p.reports = append(p.reports, r)
}

// tidyUp runs go mod tidy, and settles what that brings.
func (p *plan) tidyUp(ctx context.Context) error {
	for range rounds {
		if err := p.goModTidy(ctx); err != nil {
			return err
		}
		seen, err := p.heed(ctx)
		if err != nil {
			return err
		}
		changed, err := p.settle(ctx)
		if err != nil || !changed && !seen {
			return err
		}
	}
	return p.restless()
}

func (p *plan) restless() error {
	return fmt.Errorf("%s does not come to rest in %d rounds; please report this", p.mod.Path, rounds)
}

// goModTidy runs go mod tidy, as far as it goes.
func (p *plan) goModTidy(ctx context.Context) error {
	if p.tidied {
		return nil
	}
	p.tidy = ""
	_, err := p.goRun(ctx, "mod", "tidy")
	var failed *goError
	if errors.As(err, &failed) {
		p.tidy = failed.text
		_, err = p.goRun(ctx, "mod", "tidy", "-e")
	}
	if err != nil {
		return err
	}
	p.tidied = true
	return p.tidiedDropin(ctx)
}

// heed deals with what go mod tidy does not find and go list does not look for:
// tidy heeds all build tags. It says whether that changed anything.
func (p *plan) heed(ctx context.Context) (changed bool, err error) {
	for _, m := range lacksPackage.FindAllStringSubmatch(p.tidy, -1) {
		path := m[1]
		if path == migrate.Removed && p.opts.Dropin {
			p.mod.Dropin = []string{"what go mod tidy looks at"} // says more when it has
			return p.useDropin()
		}
		for _, f := range p.mod.Forks {
			if within(path, f.path) && !p.wanted[path] {
				p.wanted[path], changed = true, true
			}
		}
	}
	return changed, nil
}

// tidyLacksNaming says whether go mod tidy does not find the removed package,
// with nothing in its place.
func (p *plan) tidyLacksNaming() bool {
	return strings.Contains(p.tidy, "does not contain package "+migrate.Removed)
}

var lacksPackage = regexp.MustCompile(`does not contain package (\S+)`)

// timeout says whether an error is that the time for trying is over.
func (p *plan) timeout(ctx context.Context) bool { return ctx.Err() == nil && p.budget.Err() != nil }

const (
	defaultTry = 10 * time.Minute
	rounds     = 30
)
