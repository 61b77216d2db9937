package main

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// Interrupted when something has been written, migrate says so, and claims no
// build.
func TestMigrateInterrupted(t *testing.T) {
	for _, v := range standInEnv(t, standIns(t)) {
		name, value, _ := strings.Cut(v, "=")
		t.Setenv(name, value)
	}
	standIn := checkoutStandIn(t)
	t.Chdir(programOf(t, []string{"namingdep"}, []string{"namingdep@v1.0.0", "google.golang.org/grpc@v1.29.1"}))
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	listed := writerFunc(func(p []byte) (int, error) {
		cancel() // as Ctrl-C does
		return len(p), nil
	})
	var errs bytes.Buffer
	if got := run(ctx, []string{"migrate", "-w", "-replace", standIn}, listed, &errs); got != exitFailed {
		t.Errorf("exit status %d", got)
	}
	if s := errs.String(); strings.Contains(s, "builds with") || !strings.Contains(s, "what is listed has been written, and not been built: run it again") {
		t.Errorf("interrupted while it proves what it has written, migrate says\n%s", s)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
