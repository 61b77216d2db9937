package balancer1291

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	// What the scenarios import, so that go.sum has it.
	_ "google.golang.org/grpc/balancer/base"
	_ "google.golang.org/grpc/health"
)

var update = flag.Bool("update", false, "write the transcripts")

// The scenarios of adapter/balancer, with nothing changed but the imports of balancer
// and base, see with v1.29.1 what its transcripts say.
func TestScenarios(t *testing.T) {
	there, err := filepath.Abs("../../adapter/balancer")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(there, "scenario_*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s: %v", there, err)
	}
	dir := t.TempDir()
	for _, f := range append(files, "go.mod", "go.sum") {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.ReplaceAll(text, []byte("github.com/grpcnaming/grpcnaming/adapter/balancer"), []byte("google.golang.org/grpc/balancer"))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-count=1", ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TRANSCRIPTS="+filepath.Join(there, "testdata/v1.29.1"))
	if *update {
		cmd.Env = append(cmd.Env, "UPDATE_TRANSCRIPTS=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}
