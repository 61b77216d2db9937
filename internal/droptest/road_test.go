package droptest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program is a module of testdata/dropin, copied.
type program struct {
	t        *testing.T
	dir      string
	checkout string // of our module
	gowork   string // value of GOWORK
}

// copied returns the program of that name, beside a copy of its neighbours.
func copied(t *testing.T, name string) *program {
	t.Helper()
	checkout, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	// Files that the test has read are part of the key of go's test cache.
	for _, file := range []string{"go.mod", "naming.go"} {
		if _, err := os.ReadFile(filepath.Join(checkout, "naming", "dropin", file)); err != nil {
			t.Fatal(err)
		}
	}
	root := t.TempDir()
	if err := os.CopyFS(root, os.DirFS(filepath.Join(checkout, "testdata", "dropin"))); err != nil {
		t.Fatal(err)
	}
	return &program{t: t, dir: filepath.Join(root, name), checkout: checkout, gowork: "off"}
}

// try runs the go command as a user would, in the directory of the program.
func (p *program) try(args ...string) (stdout, stderr string, err error) {
	p.t.Helper()
	cmd := exec.CommandContext(p.t.Context(), "go", args...)
	cmd.Dir = p.dir
	// Without -trimpath, the build cache would know nothing again that was built
	// in a directory of another name.
	cmd.Env = append(cmd.Environ(), "GOFLAGS=-trimpath", "GOWORK="+p.gowork, "GOTMPDIR="+p.t.TempDir())
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), errs.String(), err
}

func (p *program) run(args ...string) (stdout string) {
	p.t.Helper()
	stdout, stderr, err := p.try(args...)
	if err != nil {
		p.t.Fatalf("go %s: %v\n%s%s", strings.Join(args, " "), err, stdout, stderr)
	}
	return stdout
}

// fails runs a go command that must fail and say each of want.
func (p *program) fails(args []string, want ...string) (stderr string) {
	p.t.Helper()
	_, stderr, err := p.try(args...)
	if err == nil {
		p.t.Fatalf("go %s has not failed", strings.Join(args, " "))
	}
	for _, w := range want {
		if !strings.Contains(stderr, w) {
			p.t.Errorf("go %s says nothing of %q, but\n%s", strings.Join(args, " "), w, stderr)
		}
	}
	return stderr
}

// edits are commands of MIGRATING.md.
const edits = `
go mod edit -require=github.com/grpcnaming/grpcnaming@v0.0.0 -replace=github.com/grpcnaming/grpcnaming=../grpcnaming
go mod edit -require=google.golang.org/grpc/naming@v0.0.0 -replace=google.golang.org/grpc/naming=../grpcnaming/naming/dropin
`

// edit makes the edits, and has the program depend on our grpc-go.
func (p *program) edit() {
	p.t.Helper()
	for line := range strings.Lines(strings.TrimSpace(edits)) {
		args := strings.Fields(line)[1:]
		for i := range args {
			args[i] = strings.Replace(args[i], "../grpcnaming", p.checkout, 1)
		}
		p.run(args...)
	}
	p.requireGRPC(grpcVersion)
}

func (p *program) requireGRPC(version string) {
	p.t.Helper()
	p.run("mod", "edit", "-require=google.golang.org/grpc@"+version)
}

// balances runs the program, which says so if it did.
func (p *program) balances(args ...string) {
	p.t.Helper()
	if got, want := p.run(append(append([]string{"run"}, args...), ".")...), "balanced with grpc-go "+grpcVersion+"\n"; got != want {
		p.t.Errorf("the program says %q, want %q", got, want)
	}
}
