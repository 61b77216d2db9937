// Command run measures: it builds the benchmarks, starts the RPC servers and a
// real Consul, and runs the benchmarks round by round, one implementation after
// the other. bench.txt in the output directory is what it writes, in the format
// of Go benchmarks: benchstat -col /impl reads it. Profiles lie beside it.
//
// It is started in testdata/bench, by make bench.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"syscall"
	"time"
)

func main() {
	out := flag.String("out", "../../bench-out", "directory to write to")
	effort := flag.Float64("effort", 1, "multiplies the numbers of rounds")
	nextInstances := flag.Int("next-instances", 5_000, "`instances` of the service in the group next")
	only := flag.String("only", "", "regular expression of the groups to run: rpc, pick, get, fold, next, watchers, conns, propagation")
	peers := flag.Bool("peers", false, "run what docs/peers.md has: WithBalancer and NewBuilder beside the other Consul resolvers, alone and 300 times")
	isSmoke := flag.Bool("smoke", false, "run every benchmark once, as small as it gets")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	groups, instances := measured(*effort), *nextInstances
	switch {
	case *isSmoke:
		groups, instances = smoke(), 50
	case *peers:
		groups, instances = besidePeers(), 1 // of the group next, which it does not have
	}
	if err := run(ctx, *out, *only, groups, instances); err != nil {
		fmt.Fprintln(os.Stderr, "run:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, only string, groups []group, instances int) (err error) {
	wanted, err := regexp.Compile(only)
	if err != nil {
		return err
	}
	out, err = filepath.Abs(out)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o777); err != nil {
		return err
	}
	began := time.Now()
	progress(began, "building")
	b, err := build(ctx, out)
	if err != nil {
		return err
	}
	s, err := startServers(ctx, b.server, instances)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	results, err := os.Create(filepath.Join(out, "bench.txt"))
	if err != nil {
		return err
	}
	defer results.Close()
	if err := writeHeader(ctx, results, s); err != nil {
		return err
	}
	r := &runner{binaries: b, servers: s, out: out, results: results}
	for _, g := range groups {
		if !wanted.MatchString(g.name) {
			continue
		}
		progress(began, fmt.Sprintf("%s: %d rounds of %d", g.name, g.rounds, len(g.steps)))
		for round := range g.rounds {
			for i := range g.steps {
				// Nobody is always first, or always after the same one.
				if err := r.run(ctx, g.steps[(i+round)%len(g.steps)]); err != nil {
					return err
				}
			}
		}
	}
	if err := r.profiles(ctx); err != nil {
		return err
	}
	progress(began, fmt.Sprintf("done, %d failures; see %s", r.failed, results.Name()))
	if r.failed > 0 {
		return fmt.Errorf("%d steps failed", r.failed)
	}
	return results.Close()
}

func progress(began time.Time, what string) {
	fmt.Fprintf(os.Stderr, "%6.1fs %s\n", time.Since(began).Seconds(), what)
}
