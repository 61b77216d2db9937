// Command buildconsul builds the Consul agent that the integration tests and
// the demo run, from the module in testdata/consul: Consul's own sources, at a
// pinned version, checked against a go.sum of their own. Nothing of it reaches
// the product's go.mod, and no binary is downloaded.
//
// It does nothing when the output exists and runs, or when a consul that runs
// is on PATH. Otherwise it takes about five minutes on two cores with an empty
// build cache, and says every few seconds how far it is.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

func main() {
	out := flag.String("o", filepath.Join("bin", "consul"), "the binary to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, *out, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "buildconsul:", err)
		os.Exit(1)
	}
}

// run makes sure that there is a consul to run, and reports to w.
func run(ctx context.Context, out string, w io.Writer) error {
	if runtime.GOOS == "windows" && filepath.Ext(out) == "" {
		out += ".exe"
	}
	abs, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	for _, candidate := range []string{abs, "consul"} {
		path, err := exec.LookPath(candidate)
		if err != nil {
			continue
		}
		if version, err := versionOf(ctx, path); err == nil {
			fmt.Fprintf(w, "buildconsul: nothing to do, %s is %s\n", path, version)
			return nil
		}
	}
	dir, err := moduleDir()
	if err != nil {
		return err
	}
	b := builder{dir: dir, pkg: "github.com/hashicorp/consul", out: out, report: w, every: 5 * time.Second}
	return b.run(ctx)
}

// moduleDir is testdata/consul of the module around the working directory.
func moduleDir() (string, error) {
	wd, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := wd; ; dir = filepath.Dir(dir) {
		candidate := filepath.Join(dir, "testdata", "consul")
		if _, err := os.Stat(filepath.Join(candidate, "go.mod")); err == nil {
			return candidate, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no testdata/consul/go.mod in %s or above it: run this inside the repository", wd)
		}
	}
}

// versionOf is the first line that the consul at path says of itself, or an
// error when it does not run on this machine.
func versionOf(ctx context.Context, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, "version").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%s version: %w\n%s", path, err, output)
	}
	line, _, _ := strings.Cut(string(output), "\n")
	return strings.TrimSpace(line), nil
}
