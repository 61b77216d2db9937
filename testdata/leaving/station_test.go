package leaving

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A station is where the program is on its way: what has become of its source, and
// a process of that.
type station struct {
	name   string
	exe    string
	idling string // the same, that goes idle in a second instead of 30 minutes
	*process
}

// What program/main.go has, and the test something else.
const addressInSource = "127.0.0.1:8500"

// buildStations takes the program, which asks the agent at address, to each station.
func buildStations(t *testing.T, address string) []*station {
	t.Helper()
	old, shim, native := t.TempDir(), t.TempDir(), t.TempDir()
	copyTo(t, old, "program")
	replaceIn(t, filepath.Join(old, "main.go"), addressInSource, address)

	command := filepath.Join(t.TempDir(), "grpcnaming.exe")
	run(t, root(t), "go", "build", "-o", command, "./cmd/grpcnaming")
	copyTo(t, shim, old)
	// Not to today's newest: what a release of grpc-go changes is found when
	// testdata/newest.mod goes there.
	run(t, shim, command, "migrate", "-w", "-replace", root(t), "-grpc", grpcVersion(t))
	copyTo(t, native, shim)
	replaceCopy(t, native)
	run(t, native, command, "modernize", "-w")

	build := func(dir string) string {
		exe := filepath.Join(t.TempDir(), "leaving.exe")
		run(t, dir, "go", "build", "-mod=mod", "-o", exe, ".")
		return exe
	}
	idling := func(dir, option string) string {
		replaceIn(t, filepath.Join(dir, "main.go"), option, "grpc.WithIdleTimeout(time.Second), "+option)
		return build(dir)
	}
	of1291 := build(old)
	return []*station{
		{name: "v1.29.1", exe: of1291, idling: of1291}, // it never goes idle
		{name: "shim", exe: build(shim), idling: idling(shim, "adapter.WithBalancer(")},
		{name: "native", exe: build(native), idling: idling(native, "grpc.WithResolvers(")},
	}
}

// replaceCopy does what migrate only advises: consulnaming takes the place of the copy
// of the article. With the copy, modernize would not come to the native resolver.
func replaceCopy(t *testing.T, dir string) {
	t.Helper()
	main := filepath.Join(dir, "main.go")
	replaceIn(t, main, "grpclb.NewConsulResolver", "consulnaming.NewConsulResolver")
	replaceIn(t, main, "example.com/leaving/grpclb", "github.com/grpcnaming/grpcnaming/consulnaming")
	if err := os.RemoveAll(filepath.Join(dir, "grpclb")); err != nil {
		t.Fatal(err)
	}
}

func copyTo(t *testing.T, dir, from string) {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// replaceIn replaces what the file has once.
func replaceIn(t *testing.T, file, old, by string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Count(text, []byte(old)) != 1 {
		t.Fatalf("%s does not have %s once:\n%s", file, old, text)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(old), []byte(by), 1), 0o666); err != nil {
		t.Fatal(err)
	}
}

// grpcVersion is the version of grpc-go that this module has.
func grpcVersion(t *testing.T) string {
	t.Helper()
	return strings.TrimSpace(run(t, ".", "go", "list", "-m", "-f", "{{.Version}}", "google.golang.org/grpc"))
}

// root is the checkout that this is in.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// run runs a command and returns its standard output.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	began := time.Now()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, out, errs.String())
	}
	t.Logf("%5.2f s  %s %s", time.Since(began).Seconds(), filepath.Base(name), strings.Join(args, " "))
	return string(out)
}
