// Command grpcnaming takes old code to the libraries of this module, and on from
// there, and shows and watches what they do.
//
//	grpcnaming migrate   [-w] [PATTERN...]        an old codebase compiles on today's grpc-go
//	grpcnaming modernize [-w] [PATTERN...]        code that compiles does without what is deprecated
//	grpcnaming demo      [-consul ADDR]           three backends, one dies, one joins
//	grpcnaming watch     [-consul ADDR] SERVICE   one line per update of a service
//
// What modernize rewrites go vet reports, and each rewrite by itself if it is named:
//
//	go vet -vettool=$(which grpcnaming) ./...
//	go vet -vettool=$(which grpcnaming) -insecure ./...
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/grpcnaming/grpcnaming/internal/modernize"
)

func main() {
	if args := os.Args[1:]; modernize.ForVet(args) {
		fmt.Fprintf(os.Stderr, "grpcnaming: %v\n", modernize.Vet(args))
		os.Exit(exitFailed)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1 // or something is left to do
	exitMisuse = 2
)

// Errors that say the exit status only; what there is to say has been printed.
var (
	errMisuse = errors.New("misuse")
	errLeft   = errors.New("something is left to do")
)

type command struct {
	name, args, short string
	run               func(ctx context.Context, flags *flag.FlagSet, args []string, stdout io.Writer) error
}

var commands = []command{
	{"migrate", "[-w] [PATTERN...]", "rewrite code for grpc-go v1.29 or older (-h: all flags)", migrateCode},
	{"modernize", "[-w] [PATTERN...]", "rewrite what grpc-go and this module have deprecated, in code that compiles", modernizeCode},
	{"demo", "[-consul ADDR]", "balance calls over a real Consul while a backend dies and one joins", demo},
	{"watch", "[-consul ADDR] SERVICE", "print one line per update of a service, until Ctrl-C", watch},
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		usage(stderr)
		return exitMisuse
	}
	for _, c := range commands {
		if c.name != args[0] {
			continue
		}
		flags := flag.NewFlagSet("grpcnaming "+c.name, flag.ContinueOnError)
		flags.SetOutput(stderr)
		flags.Usage = func() {
			fmt.Fprintf(stderr, "usage: grpcnaming %s %s\n%s\n", c.name, c.args, c.short)
			flags.PrintDefaults()
		}
		err := c.run(ctx, flags, args[1:], stdout)
		switch {
		case err == nil, errors.Is(err, flag.ErrHelp):
			return exitOK
		case errors.Is(err, errMisuse):
			return exitMisuse
		case errors.Is(err, errLeft):
			return exitFailed
		}
		fmt.Fprintf(stderr, "grpcnaming %s: %v\n", c.name, err)
		return exitFailed
	}
	if args[0] == "help" || args[0] == "-h" || args[0] == "--help" {
		usage(stdout)
		return exitOK
	}
	fmt.Fprintf(stderr, "grpcnaming: there is no command %q\n", args[0])
	usage(stderr)
	return exitMisuse
}

func usage(w io.Writer) {
	fmt.Fprintln(w, "usage: grpcnaming COMMAND")
	for _, c := range commands {
		fmt.Fprintf(w, "  %-9s %-24s %s\n", c.name, c.args, c.short)
	}
}

// anyNumber of arguments is what a command takes.
const anyNumber = -1

// parse reads the flags and wants n arguments after them.
func parse(flags *flag.FlagSet, args []string, n int) error {
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return err
		}
		return errMisuse // flag has said why
	}
	if n != anyNumber && flags.NArg() != n {
		flags.Usage()
		return errMisuse
	}
	return nil
}
