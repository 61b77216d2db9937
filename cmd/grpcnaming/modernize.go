package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
	"github.com/grpcnaming/grpcnaming/internal/modernize"
	"github.com/grpcnaming/grpcnaming/internal/program"
)

// modernizeCode shows, lists or writes what a program becomes without what is
// deprecated. What is left to the reader makes the exit status 1.
func modernizeCode(ctx context.Context, flags *flag.FlagSet, args []string, stdout io.Writer) error {
	show := rewritingFlags(flags)
	if err := parse(flags, args, anyNumber); err != nil {
		return err
	}
	stderr := flags.Output()
	m := &modernizing{patterns: patternsOf(flags)}
	line := newStatusLine(stderr, show.verbose)
	err := m.run(ctx, line.doing)
	line.clear()
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing has been written")
	case err != nil:
		fmt.Fprintf(stderr, "grpcnaming modernize: %v\n", err)
		return errMisuse
	}
	if m.tidying != nil {
		defer m.tidying.Close()
	}
	if show.write && len(m.Broken) == 0 {
		if len(m.files) > 0 {
			warnDirty(stderr, program.Dirty(ctx, m.Roots))
		}
		for _, f := range m.files {
			if err := f.Write(); err != nil {
				m.unwritten = append(m.unwritten, err.Error())
				continue
			}
			show.written(stdout, []string{f.Name})
		}
		vendored, failure, err := m.tidying.Prove(ctx, m.dir, m.patterns)
		line.clear()
		show.written(stdout, vendored)
		if ctx.Err() != nil {
			err = errInterrupted
		}
		if err != nil {
			return err
		}
		m.failure, m.proven = failure, true
	}
	if show.json {
		return cmp.Or(printJSON(stdout, m.json()), status(m.left()))
	}
	show.changes(stdout, m.files)
	m.say(stderr)
	return status(m.left())
}

// modernizing is a run of modernize.
type modernizing struct {
	*modernize.Outcome
	dir       string // where it runs, without symbolic links, as the go command says it
	patterns  []string
	tidying   *program.Tidying // nil if the code does not compile
	files     []*migrate.Result
	unwritten []string // why files could not be written
	proven    bool     // it has been built as it was written
	failure   string   // what did not build
}

func (m *modernizing) run(ctx context.Context, doing func(string)) (err error) {
	if m.dir, err = os.Getwd(); err != nil {
		return err
	}
	if m.dir, err = filepath.EvalSymlinks(m.dir); err != nil {
		return err
	}
	doing("loading packages")
	if m.Outcome, err = modernize.Run(ctx, m.dir, m.patterns); err != nil || len(m.Broken) > 0 {
		return err
	}
	if m.tidying, err = program.Tidy(ctx, m.Roots, m.Files, doing); err != nil {
		return err
	}
	m.files = append(m.Files, m.tidying.Files()...)
	for _, f := range m.files {
		if rel, err := filepath.Rel(m.dir, f.Name); err == nil && filepath.IsLocal(rel) {
			f.Name = rel
		}
	}
	return nil
}

// left says whether the reader has something to do.
func (m *modernizing) left() bool {
	if m.Left() || m.failure != "" || len(m.unwritten) > 0 {
		return true
	}
	for _, t := range m.modules() {
		if t.Failed != "" && len(m.Uses) == 0 {
			return true // go.mod could perhaps do without this module
		}
	}
	return false
}

func (m *modernizing) modules() []*program.Tidied {
	if m.tidying == nil {
		return nil
	}
	return m.tidying.Modules
}

// say reports what is left, what becomes of go.mod, and whether it builds.
func (m *modernizing) say(w io.Writer) {
	if len(m.Broken) > 0 {
		m.sayBroken(w)
		return
	}
	for _, line := range modernize.Lines(m.Reports) {
		fmt.Fprintln(w, line)
	}
	for _, why := range m.unwritten {
		fmt.Fprintln(w, "not written: "+why)
	}
	for _, t := range m.modules() {
		m.sayModule(w, t)
	}
	if len(m.Uses) > 0 {
		fmt.Fprintln(w, "still imported: "+strings.Join(described(m.Uses), "; "))
	}
	if len(m.files) > 0 && !m.proven {
		fmt.Fprintf(w, "%s would change; nothing has been written, -w does that\n", amount(len(m.files), "file"))
	}
	fmt.Fprintln(w, m.verdict())
}

// maxErrors of a program that does not compile are enough to begin with.
const maxErrors = 10

func (m *modernizing) sayBroken(w io.Writer) {
	if m.Rewritten {
		fmt.Fprintln(w, "the result would not compile, which is a fault of this command; please report it. Nothing has been written:")
	} else {
		fmt.Fprintln(w, "modernize needs code that compiles, and this does not; nothing has been written:")
	}
	for _, e := range m.Broken[:min(len(m.Broken), maxErrors)] {
		fmt.Fprintln(w, "\t"+strings.ReplaceAll(e, "\n", "\n\t"))
	}
	if n := len(m.Broken) - maxErrors; n > 0 {
		fmt.Fprintf(w, "\tand %d more\n", n)
	}
}

func (m *modernizing) sayModule(w io.Writer, t *program.Tidied) {
	switch {
	case t.Failed != "":
		fmt.Fprintf(w, "%s: go mod tidy could not say whether go.mod still needs %s: %s\n", t.Path, migrate.Module, t.Failed)
	case t.Gone:
		fmt.Fprintf(w, "congratulations: nothing of %s needs %s any more, and go.mod is without it\n", t.Path, migrate.Module)
	case len(m.Uses) == 0 && len(t.Chain) > 0:
		fmt.Fprintf(w, "%s: go.mod keeps %s, for %s\n", t.Path, migrate.Module, strings.Join(t.Chain, " => "))
	}
	if t.Command != "" {
		fmt.Fprintf(w, "next:\n\t%s\n", t.Command)
	}
}

// stays says of packages of this module why code may go on importing them, or what
// is to be done.
var stays = map[string]string{
	migrate.Module + "/consulnaming":            "its NewBuilder is a resolver of today's, and may stay",
	migrate.Module + "/consulnaming/consultest": "it is for tests, and may stay",
	migrate.Module + "/adapter":                 "it may go when own naming.Resolvers and Balancers have the shape that they have today",
	migrate.Module + "/naming":                  "it may go when own naming.Resolvers and Watchers have become a resolver.Builder",
	migrate.Module + "/adapter/balancer":        "it may go when own policies are written for google.golang.org/grpc/balancer",
	migrate.Module + "/adapter/balancer/base":   "it may go when own policies are written for google.golang.org/grpc/balancer/base",
	migrate.Removed:                             "go fix -inline and grpcnaming migrate put " + migrate.Module + "/naming in its place",
}

func described(paths []string) (texts []string) {
	for _, path := range paths {
		if why := stays[path]; why != "" {
			path += " (" + why + ")"
		}
		texts = append(texts, path)
	}
	return texts
}

// verdict is the last line.
func (m *modernizing) verdict() string {
	if m.failure != "" {
		return "does not build: " + strings.ReplaceAll(m.failure, "\n", "\n\t")
	}
	builds := "compiles"
	switch {
	case m.proven:
		builds = "builds"
	case len(m.files) > 0:
		builds = "would compile"
	}
	todo := len(m.unwritten)
	unseen := 0
	for _, r := range m.Reports {
		switch {
		case !r.Note:
			todo++
		case r.Unseen:
			unseen++
		}
	}
	text := builds + ", and nothing deprecated that it knows is left"
	if todo > 0 {
		text = fmt.Sprintf("%s; %s left to do, as said above", builds, amount(todo, "place"))
	}
	if unseen > 0 {
		text += fmt.Sprintf("; %s not looked at", amount(unseen, "file"))
	}
	return text
}

func amount(n int, of string) string {
	if n == 1 {
		return "1 " + of
	}
	return fmt.Sprintf("%d %ss", n, of)
}

func (m *modernizing) json() any {
	type build struct {
		OK   bool   `json:"ok"`
		Text string `json:"text,omitempty"`
	}
	var built *build
	if m.proven {
		built = &build{m.failure == "", m.failure}
	}
	type file struct {
		Name string `json:"file"`
	}
	var files []file
	for _, f := range m.files {
		files = append(files, file{f.Name})
	}
	return struct {
		Written bool               `json:"written"`
		Files   []file             `json:"files"`
		Reports []modernize.Report `json:"reports"`
		Broken  []string           `json:"broken"`
		Uses    []string           `json:"uses"`
		Modules []*program.Tidied  `json:"modules"`
		Build   *build             `json:"build,omitempty"`
	}{m.proven, list(files), list(m.Reports), list(append(m.Broken, m.unwritten...)), list(m.Uses), list(m.modules()), built}
}
