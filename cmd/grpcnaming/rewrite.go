package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"path/filepath"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// What the commands that rewrite code have in common: migrate and modernize.

// errInterrupted is about a build: before anything is written, nothing is.
var errInterrupted = errors.New("interrupted; what is listed has been written, and not been built: run it again")

// rewriteFlags say how a rewrite is shown: as a diff, unless one of them is set.
type rewriteFlags struct {
	write, list, json, verbose bool
}

func rewritingFlags(flags *flag.FlagSet) *rewriteFlags {
	f := new(rewriteFlags)
	flags.BoolVar(&f.write, "w", false, "write the files instead of showing a diff")
	flags.BoolVar(&f.list, "l", false, "list the files that change instead of showing a diff")
	flags.BoolVar(&f.json, "json", false, "print what changes and what is left as JSON instead of showing a diff")
	flags.BoolVar(&f.verbose, "v", false, "say each step, one a line")
	return f
}

// patternsOf are the arguments, or everything below the working directory.
func patternsOf(flags *flag.FlagSet) []string {
	if flags.NArg() == 0 {
		return []string{"./..."}
	}
	return flags.Args()
}

// written lists what has been written.
func (f *rewriteFlags) written(w io.Writer, names []string) {
	if !f.json {
		for _, name := range names {
			fmt.Fprintln(w, name)
		}
	}
}

// changes shows what has not been written.
func (f *rewriteFlags) changes(w io.Writer, files []*migrate.Result) {
	for _, r := range files {
		switch {
		case f.write:
		case f.list:
			fmt.Fprintln(w, r.Name)
		case filepath.Base(r.Name) != "go.sum":
			w.Write(diff.Diff(r.Name+".orig", r.Old, r.Name, r.New))
		}
	}
}

func warnDirty(w io.Writer, n int) {
	if n > 0 {
		fmt.Fprintf(w, "warning: git has %d changed files here that are not committed; what is written now comes on top of them\n", n)
	}
}

func status(left bool) error {
	if left {
		return errLeft
	}
	return nil
}

func printJSON(w io.Writer, doc any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	return e.Encode(doc)
}

// list is never null in JSON: whoever reads it need not care.
func list[T any](l []T) []T { return append([]T{}, l...) }
