package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	tooLong  = time.Minute      // for a step that is limited
	patience = 10 * time.Minute // for any other, lest a benchmark that hangs be waited for
)

type binaries struct{ bench, v1291, server string }

// build builds the test binaries and the server into dir.
func build(ctx context.Context, dir string) (b binaries, err error) {
	b = binaries{filepath.Join(dir, "bench.test"), filepath.Join(dir, "v1291.test"), filepath.Join(dir, "server")}
	for _, c := range []struct {
		dir  string
		args []string
	}{
		{".", []string{"test", "-c", "-o", b.bench, "."}},
		{"v1291", []string{"test", "-c", "-o", b.v1291, "."}},
		{".", []string{"build", "-o", b.server, "./server"}},
	} {
		cmd := exec.CommandContext(ctx, "go", c.args...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = c.dir, os.Stderr, os.Stderr
		if err := cmd.Run(); err != nil {
			return b, fmt.Errorf("go %s: %w", strings.Join(c.args, " "), err)
		}
	}
	return b, nil
}

// runner runs steps and writes down what they say.
type runner struct {
	binaries binaries
	servers  *servers
	out      string
	results  *os.File
	failed   int
}

// run runs a step. That it fails, or takes too long, is written down.
func (r *runner) run(ctx context.Context, s step) error {
	path := r.binaries.bench
	if s.binary == "v1291" {
		path = r.binaries.v1291
	}
	args := []string{"-test.run=^$", "-test.bench=" + s.bench, "-test.benchtime=" + s.time}
	if s.cpu != "" {
		args = append(args, "-test.cpu="+s.cpu)
	}
	samples := filepath.Join(r.out, "samples.txt")
	if err := os.Remove(samples); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	limit := patience
	if s.limited {
		limit = tooLong
	}
	within, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var out bytes.Buffer
	cmd := exec.CommandContext(within, path, args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "BENCH_SAMPLES="+samples, "BENCH_PROFILES="+r.out,
		"BENCH_BACKENDS="+r.servers.backends, "BENCH_ANSWERS="+r.servers.answers, "BENCH_CONSUL="+r.servers.consul.Address())
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	results := 0
	for _, line := range strings.Split(out.String(), "\n") {
		if strings.HasPrefix(line, "Benchmark") && len(strings.Fields(line)) > 3 {
			results++
			fmt.Fprintln(r.results, line)
		}
	}
	switch {
	case s.limited && within.Err() != nil:
		fmt.Fprintf(r.results, "# %s: stopped after %v\n", s.bench, tooLong)
		return nil
	case err == nil && results == 0:
		err = errors.New("no such benchmark")
		fallthrough
	case err != nil:
		r.failed++
		fmt.Fprintf(r.results, "# %s: %v\n", s.bench, err)
		fmt.Fprintf(os.Stderr, "%s: %v\n%s", s.bench, err, out.String())
		return nil
	}
	raw, err := os.ReadFile(samples)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		_, err = r.results.Write(raw)
	}
	return err
}

// profiles writes for each CPU profile where the time went.
func (r *runner) profiles(ctx context.Context) error {
	list, err := filepath.Glob(filepath.Join(r.out, "*.pprof"))
	if err != nil {
		return err
	}
	for _, p := range list {
		text, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=60", r.binaries.bench, p).Output()
		if err != nil {
			return fmt.Errorf("profile %s: %w", p, err)
		}
		if err := os.WriteFile(strings.TrimSuffix(p, ".pprof")+".top.txt", text, 0o666); err != nil {
			return err
		}
	}
	return nil
}
