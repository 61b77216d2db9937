package adapter

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/testdoc"
)

// Every name that package grpc lost has a home in this module, or a line in
// docs/names.md with an example that is compiled.
func TestRemovedNames(t *testing.T) {
	list, err := os.ReadFile("../testdata/removed-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	migrating, err := os.ReadFile("../docs/names.md")
	if err != nil {
		t.Fatal(err)
	}
	homes := map[string]map[string]bool{
		"adapter": testdoc.Names(t, "*.go", false),
		"naming":  testdoc.Names(t, "../naming/*.go", false),
	}
	examples := testdoc.Names(t, "*.go", true)
	example := regexp.MustCompile(`\bExample_\w+`)
	read := 0
	for line := range strings.Lines(string(list)) {
		fields := strings.Fields(line)
		if fields[0] != "grpc" || fields[2] == "compiles" {
			continue
		}
		read++
		name, home := fields[1], fields[2]
		if home != "names" {
			if !homes[home][name] {
				t.Errorf("%s is not in package %s", name, home)
			}
			continue
		}
		found := false
		for row := range strings.Lines(string(migrating)) {
			if !regexp.MustCompile("`grpc\\." + regexp.QuoteMeta(name) + `\b`).MatchString(row) {
				continue
			}
			for _, e := range example.FindAllString(row, -1) {
				found = found || examples[e]
			}
		}
		if !found {
			t.Errorf("docs/names.md has no line about grpc.%s with an example that exists", name)
		}
	}
	if read != 24 {
		t.Errorf("read %d names, want 24", read)
	}
}
