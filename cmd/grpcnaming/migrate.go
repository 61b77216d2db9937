package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/term"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// migrateCode shows, lists or writes what an old codebase becomes. What it
// cannot rewrite goes to stderr, and makes the exit status 1.
func migrateCode(ctx context.Context, flags *flag.FlagSet, args []string, stdout io.Writer) error {
	var opts migrate.Options
	write := flags.Bool("w", false, "write the files instead of showing a diff")
	list := flags.Bool("l", false, "list the files that change instead of showing a diff")
	asJSON := flags.Bool("json", false, "print what changes and what is left as JSON instead of showing a diff")
	flags.BoolVar(&opts.KeepIdle, "keep-idle", false, "do not put grpc.WithIdleTimeout(0) beside WithBalancer")
	flags.StringVar(&opts.Replace, "replace", "", "add to go.mod a replace directive to `DIR`, a checkout of "+migrate.Module)
	flags.BoolVar(&opts.Dropin, "dropin", false, "add to go.mod what dependencies need that import google.golang.org/grpc/naming")
	if err := parse(flags, args, anyNumber); err != nil {
		return err
	}
	patterns := flags.Args()
	if len(patterns) == 0 {
		patterns = []string{"."}
	}
	stderr := flags.Output()
	progress, done := progressOn(stderr)
	out, err := migrate.Run(ctx, patterns, opts, progress)
	done()
	switch {
	case ctx.Err() != nil:
		return errors.New("interrupted; nothing has been written")
	case err != nil:
		fmt.Fprintf(stderr, "grpcnaming migrate: %v\n", err)
		return errMisuse
	}
	left := out.Left()
	for _, f := range out.Files {
		if *write {
			if err := f.Write(); err != nil {
				out.Reports = append(out.Reports, migrate.NotWritten(f, err))
				left = true
			}
		}
		if *list {
			fmt.Fprintln(stdout, f.Name)
		}
		if !*write && !*list && !*asJSON {
			stdout.Write(diff.Diff(f.Name+".orig", f.Old, f.Name, f.New))
		}
	}
	if *asJSON {
		return errors.Join(printJSON(stdout, out, *write), status(left))
	}
	for _, r := range out.Reports {
		fmt.Fprintln(stderr, r)
	}
	if len(out.Commands) > 0 {
		fmt.Fprintln(stderr, "next:")
	}
	for _, c := range out.Commands {
		fmt.Fprintln(stderr, "\t"+c)
	}
	return status(left)
}

func status(left bool) error {
	if left {
		return errLeft
	}
	return nil
}

func printJSON(w io.Writer, out *migrate.Outcome, written bool) error {
	doc := struct {
		Written  bool              `json:"written"`
		Files    []*migrate.Result `json:"files"`
		Reports  []migrate.Report  `json:"reports"`
		Commands []string          `json:"commands"`
	}{written, out.Files, out.Reports, out.Commands}
	// Lists are never null: whoever reads them need not care.
	doc.Files = append([]*migrate.Result{}, doc.Files...)
	doc.Reports = append([]migrate.Report{}, doc.Reports...)
	doc.Commands = append([]string{}, doc.Commands...)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	return e.Encode(doc)
}

// progressOn draws a line on a terminal, and nothing elsewhere.
func progressOn(w io.Writer) (progress func(done, total int), clear func()) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, func() {}
	}
	last := -1
	return func(done, total int) {
		if percent := done * 100 / total; percent != last {
			last = percent
			fmt.Fprintf(w, "\r%d%% of %d directories\x1b[K", percent, total)
		}
	}, func() { fmt.Fprint(w, "\r\x1b[K") }
}
