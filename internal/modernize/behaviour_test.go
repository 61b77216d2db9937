package modernize

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBehaviourStays runs a program before and after, and compares what it prints.
func TestBehaviourStays(t *testing.T) {
	dir := newModule(t)
	src, err := os.ReadFile("testdata/behaviour/main.go")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "main.go"), string(src))
	before, err := run(t, dir, "go", "run", "-mod=mod", ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, before)
	}
	o := runIn(t, dir)
	for _, r := range o.Files {
		write(t, r.Name, string(r.New))
	}
	if o.Left() {
		t.Errorf("something is left: %v", o.Reports)
	}
	src, err = os.ReadFile(filepath.Join(dir, "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(src), "grpc.Dial(") || strings.Contains(string(src), "grpc.DialContext(") {
		t.Errorf("it dials as before:\n%s", src)
	}
	after, err := run(t, dir, "go", "run", "-mod=mod", ".")
	if err != nil {
		t.Fatalf("%v\n%s", err, after)
	}
	if after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
