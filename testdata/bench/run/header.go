package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// writeHeader says what was measured and where, as configuration lines of
// https://go.dev/design/14313-benchmark-format.
func writeHeader(ctx context.Context, w io.Writer, s *servers) error {
	commit, err := output(ctx, "git", "rev-parse", "--short=12", "HEAD")
	if err != nil {
		commit = "unknown" // not a checkout
	} else if changed, err := output(ctx, "git", "status", "--porcelain", "--untracked-files=no"); err != nil {
		return err
	} else if changed != "" {
		commit += " and changes"
	}
	grpc, err := output(ctx, "go", "list", "-m", "-f", "{{.Version}}", "google.golang.org/grpc")
	if err != nil {
		return err
	}
	self, err := s.consul.Client().Agent().Self()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "goos: %s\ngoarch: %s\ncpu: %s\ncores: %d\ngo: %s\ngrpc: %s\nconsul: v%v\ncommit: %s\n",
		runtime.GOOS, runtime.GOARCH, cpu(), runtime.NumCPU(), runtime.Version(), grpc, self["Config"]["Version"], commit)
	return err
}

func output(ctx context.Context, name string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, name, args...).Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// cpu is the processor's name where Linux tells it.
func cpu() string {
	f, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if key, value, ok := strings.Cut(lines.Text(), ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}
