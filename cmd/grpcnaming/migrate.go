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
	"runtime"
	"strings"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
	"github.com/grpcnaming/grpcnaming/internal/program"
)

// migrateCode shows, lists or writes what an old program becomes. What it
// cannot do goes to stderr, and makes the exit status 1.
func migrateCode(ctx context.Context, flags *flag.FlagSet, args []string, stdout io.Writer) error {
	var opts program.Options
	show := rewritingFlags(flags)
	flags.BoolVar(&opts.KeepIdle, "keep-idle", false, "do not put grpc.WithIdleTimeout(0) beside WithBalancer")
	flags.StringVar(&opts.Replace, "replace", builtIn(), "let go.mod replace "+migrate.Module+" by `DIR`, a checkout")
	flags.BoolVar(&opts.Deps, "deps", true, "look at dependencies too; without, only own code is rewritten")
	flags.BoolVar(&opts.Dropin, "dropin", true, "put a module of ours in the place of google.golang.org/grpc/naming for dependencies that import it")
	flags.StringVar(&opts.Fork, "fork", "third_party", "copy dependencies that have to be migrated to `DIR`, relative to that of go.mod or go.work; empty for no copies")
	flags.BoolVar(&opts.Check, "check", true, "build the program and compile its tests")
	flags.StringVar(&opts.GRPC, "grpc", "", "go to this `VERSION` of grpc-go (default the newest that this Go builds)")
	flags.StringVar(&opts.Module, "module", "", "the `PATH` of a module that has no go.mod yet")
	flags.DurationVar(&opts.Try, "try", 10*time.Minute, "how long to try versions of dependencies that do not compile")
	if err := parse(flags, args, anyNumber); err != nil {
		return err
	}
	stderr := flags.Output()
	line := newStatusLine(stderr, show.verbose)
	opts.Directories, opts.Doing = line.directories, line.doing
	out, err := program.Run(ctx, patternsOf(flags), opts)
	line.clear()
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing has been written")
	case err != nil:
		fmt.Fprintf(stderr, "grpcnaming migrate: %v\n", err)
		return errMisuse
	}
	defer out.Close()
	writes := show.write && !out.Unseen()
	var unproven error
	if writes {
		warnDirty(stderr, out.Dirty(ctx))
		show.written(stdout, out.Write())
		var vendored []string
		vendored, unproven = out.Prove(ctx)
		line.clear()
		show.written(stdout, vendored)
		if ctx.Err() != nil {
			unproven = errInterrupted
		}
	}
	if show.json {
		return cmp.Or(printJSON(stdout, jsonOf(out, writes)), unproven, status(out.Left()))
	}
	show.changes(stdout, out.Files)
	for _, r := range out.Reports {
		fmt.Fprintln(stderr, r)
	}
	for _, m := range out.Modules {
		describe(stderr, m)
	}
	if show.write && !writes {
		fmt.Fprintln(stderr, "nothing has been written")
	}
	if len(out.Commands) > 0 {
		fmt.Fprintln(stderr, "next:")
	}
	for _, c := range out.Commands {
		fmt.Fprintln(stderr, "\t"+c)
	}
	return cmp.Or(unproven, status(out.Left()))
}

// builtIn is the directory that this command was built in, if it can be told
// and is still there: the module path is not published yet.
func builtIn() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok || !filepath.IsAbs(file) {
		return ""
	}
	dir := filepath.Join(filepath.Dir(file), "..", "..")
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err != nil {
		return ""
	}
	if here, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(here, dir); err == nil {
			return rel // what goes into go.mod may hold for others too
		}
	}
	return dir
}

// describe says what becomes of a module, and whether it builds.
func describe(w io.Writer, m *program.Module) {
	say := func(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }
	indented := func(format string, args ...any) { say("  "+format, args...) }
	if m.Stopped != "" {
		say("%s: given up, so this does not say what is left: %s", m.Path, m.Stopped)
		return
	}
	if m.Unseen != "" {
		say("%s: its dependencies could not be looked at, so this does not say what is left:", m.Path)
		indented("%s", strings.ReplaceAll(m.Unseen, "\n", "\n  "))
		indented("run it again when that is mended; -deps=false sees to your own code alone")
		return
	}
	for _, l := range m.Lacking {
		say("%s: cannot be had, so what it imports was not looked at: %s", m.Path, l)
	}
	if m.Clean {
		if len(m.Lacking) == 0 {
			say("%s: nothing that grpc-go removed is used, neither by it nor by what it imports (%d packages looked at)%s", m.Path, m.Packages, heldBack(m))
		}
		return
	}
	if m.PathFrom != "" {
		say("%s: this is the path of the new module, by %s", m.Path, m.PathFrom)
	}
	was := ""
	if m.Was != "" && m.Was != m.GRPC {
		was = ", was " + m.Was
	}
	say("%s: %d packages looked at; grpc-go %s%s", m.Path, m.Packages, m.GRPC, was)
	if len(m.Dropin) > 0 {
		indented("%s is replaced by naming/dropin, for %s", migrate.Removed, strings.Join(m.Dropin, ", "))
	}
	for _, r := range m.Raised {
		indented("%s %s => %s: %s", r.Module, r.From, r.To, r.Why)
	}
	for _, f := range m.Forks {
		indented("%s %s is copied to %s: %d files, %d lines changed; %s", f.Module, f.Version, f.Dir, f.Files, f.Lines, f.Why)
	}
	for _, s := range m.Slow {
		indented("%s: the time for trying versions was over; -try gives it more", s)
	}
	describeBuild(w, m)
}

func heldBack(m *program.Module) string {
	if m.Was == "" || m.Was == m.GRPC {
		return ""
	}
	return fmt.Sprintf("; it is at grpc-go %s, and -grpc latest takes it to %s", m.Was, m.GRPC)
}

func describeBuild(w io.Writer, m *program.Module) {
	if m.Build == nil {
		return
	}
	if m.Build.OK {
		fmt.Fprintf(w, "builds with grpc-go %s and its tests compile\n", m.Build.GRPC)
		return
	}
	fmt.Fprintf(w, "does not build with grpc-go %s:\n", m.Build.GRPC)
	for _, f := range m.Build.Failures {
		mark := "not of grpcnaming's concern"
		if f.Concern {
			mark = "left to do"
		}
		in := ""
		if f.Module != "" && f.Module != m.Path {
			in = " of " + f.Module
		}
		fmt.Fprintf(w, "  %s: %s%s\n    %s\n    -> %s\n", mark, f.Package, in, strings.ReplaceAll(f.Text, "\n", "\n    "), f.Write)
	}
	if m.Build.BuildsWith != "" {
		fmt.Fprintf(w, "the newest grpc-go that it builds with is %s: run it with -grpc %[1]s\n", m.Build.BuildsWith)
	}
}

func jsonOf(out *program.Outcome, written bool) any {
	return struct {
		Written  bool              `json:"written"`
		Files    []*migrate.Result `json:"files"`
		Reports  []migrate.Report  `json:"reports"`
		Modules  []*program.Module `json:"modules"`
		Commands []string          `json:"commands"`
	}{written, list(out.Files), list(out.Reports), list(out.Modules), list(out.Commands)}
}
