package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// BenchmarkMigrate5000 is a tree of 5,000 files, each fiftieth of which has
// something to rewrite: go test -bench Migrate5000 -run '^$' ./cmd/grpcnaming
func BenchmarkMigrate5000(b *testing.B) {
	legacy, err := os.ReadFile("../../testdata/legacy/sticky/sticky.go")
	if err != nil {
		b.Fatal(err)
	}
	other, err := os.ReadFile("../../adapter/roundrobin.go")
	if err != nil {
		b.Fatal(err)
	}
	dir := b.TempDir()
	for i := range 5000 {
		src := other
		if i%50 == 0 {
			src = legacy
		}
		path := filepath.Join(dir, fmt.Sprint("p", i/20), fmt.Sprint("f", i, ".go"))
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(path, src, 0o666); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		var out, errs bytes.Buffer
		if run(context.Background(), []string{"migrate", "-deps=false", "-l", dir + "/..."}, &out, &errs); bytes.Count(out.Bytes(), []byte("\n")) != 100 {
			b.Fatalf("%d files are listed, want 100\n%s", bytes.Count(out.Bytes(), []byte("\n")), errs.String())
		}
	}
}
