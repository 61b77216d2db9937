package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/naming"
)

const consulFlag = "`address` of the Consul agent (default CONSUL_HTTP_ADDR or 127.0.0.1:8500)"

// watch prints what the naming.Watcher of a service returns.
func watch(ctx context.Context, flags *flag.FlagSet, args []string, stdout io.Writer) error {
	consul := flags.String("consul", "", consulFlag)
	if err := parse(flags, args, 1); err != nil {
		return err
	}
	w, err := consulnaming.NewConsulResolver(*consul, flags.Arg(0)).Resolve("")
	if err != nil {
		return err
	}
	if r, ok := w.(adapter.ErrorReporter); ok {
		r.OnError(failures(flags.Output()))
	}
	stop := context.AfterFunc(ctx, w.Close)
	defer stop()
	defer w.Close()
	for first := true; ; first = false {
		updates, err := w.Next()
		if ctx.Err() != nil {
			return nil // Ctrl-C is how a watch ends
		}
		if err != nil {
			return errors.Join(err, ctx.Err())
		}
		if first && len(updates) == 0 {
			fmt.Fprintf(flags.Output(), "%s service %q has no healthy instance yet\n", now(), flags.Arg(0))
		}
		for _, u := range updates {
			fmt.Fprintf(stdout, "%s %s\n", now(), line(u))
		}
	}
}

// failures prints a line when a query fails for a new reason, and when one is answered
// after that. The process has one watch.
func failures(w io.Writer) func(error) {
	var said string
	var since time.Time
	return func(err error) {
		switch {
		case err == nil:
			fmt.Fprintf(w, "%s = the agent answers again, after %v\n", now(), time.Since(since).Round(time.Second))
			said = ""
		case err.Error() != said:
			if said == "" {
				since = time.Now()
			}
			said = err.Error()
			fmt.Fprintf(w, "%s ! %v%s\n", now(), err, age())
		}
	}
}

// age says how old it is what is known.
func age() string {
	for _, s := range consulnaming.Stats() {
		if !s.LastAnswer.IsZero() {
			return fmt.Sprintf(" (what is known is %v old)", time.Since(s.LastAnswer).Round(time.Second))
		}
	}
	return " (nothing is known yet)"
}

func now() string { return time.Now().Format("15:04:05.000") }

func line(u *naming.Update) string {
	if u.Op == naming.Delete {
		return "- " + u.Addr
	}
	return "+ " + u.Addr
}
