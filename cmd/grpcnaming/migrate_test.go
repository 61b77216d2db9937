package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/testproxy"
	"github.com/rogpeppe/go-internal/testscript"
)

// reexec makes the test binary the command too, for the scripts to call.
type reexec struct{ m *testing.M }

func (r reexec) Run() int {
	return testscript.RunMain(r.m, map[string]func() int{
		"grpcnaming": func() int { main(); return 0 },
	})
}

// The scripts have the stand-ins of testdata/proxy and nothing else to load
// modules from; with GOPROXY=$TOONEW there is a newest grpc-go besides that asks
// for a newer Go. $STANDIN is a checkout that goes with them, $CHECKOUT the real.
func TestMigrateScripts(t *testing.T) { runScripts(t, "testdata/script") }

func TestModernizeScripts(t *testing.T) { runScripts(t, "testdata/modernize") }

// Those of whole programs take ten times as long: each runs the go command
// dozens of times.
func TestMigratePrograms(t *testing.T) { runScripts(t, "testdata/program") }

func runScripts(t *testing.T, dir string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	proxied := standInEnv(t, standIns(t))
	tooNew := testproxy.URL(standIns(t, "testdata/toonew"))
	standIn := checkoutStandIn(t)
	command, err := exec.LookPath("grpcnaming")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Vars = append(env.Vars, proxied...)
			env.Setenv("GOPATH", filepath.Join(env.WorkDir, "gopath"))
			env.Setenv("TOONEW", tooNew)
			env.Setenv("CHECKOUT", root)
			env.Setenv("STANDIN", standIn)
			env.Setenv("BIN", filepath.Dir(command))  // for a PATH without the go command
			env.Setenv("GORACE", "atexit_sleep_ms=0") // each command would end with a second of waiting
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "mode": mode, "expand": expand, "checkout": checkout, "remember": remember, "unchanged": unchanged,
		},
	})
}

// exits STATUS COMMAND...: the command ends with that status.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	err := ts.Exec(args[1], args[2:]...)
	got := 0
	if exit, ok := err.(*exec.ExitError); ok {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if want, err := strconv.Atoi(args[0]); err != nil || got != want || neg {
		ts.Fatalf("exit status %d", got)
	}
}

// mode PERM FILE: the file has those permissions.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if got := strconv.FormatUint(uint64(info.Mode().Perm()), 8); got != args[0] || neg {
		ts.Fatalf("%s has mode %s", args[1], got)
	}
}

// expand FILE: environment variables in the file are replaced.
func expand(ts *testscript.TestScript, neg bool, args []string) {
	text := os.Expand(ts.ReadFile(args[0]), ts.Getenv)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o666))
}

// checkout DIR: as much of a checkout of this module as -replace looks at.
func checkout(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(os.MkdirAll(ts.MkAbs(args[0]), 0o777))
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs(args[0]), "go.mod"), []byte("module github.com/grpcnaming/grpcnaming\n"), 0o666))
}
