package adapter

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// topLevel returns the names that the Go files of a pattern declare.
func topLevel(t *testing.T, pattern string, test bool) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") != test {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Recv == nil {
					names[n.Name.Name] = true
				}
				return false // what is declared within is not top-level
			case *ast.TypeSpec:
				names[n.Name.Name] = true
			case *ast.ValueSpec:
				for _, name := range n.Names {
					names[name.Name] = true
				}
			}
			return true
		})
	}
	return names
}

// Every name that package grpc lost has a home in this module, or a line in
// MIGRATING.md with an example that is compiled.
func TestRemovedNames(t *testing.T) {
	list, err := os.ReadFile("../testdata/removed-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	migrating, err := os.ReadFile("../MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	homes := map[string]map[string]bool{
		"adapter": topLevel(t, "*.go", false),
		"naming":  topLevel(t, "../naming/*.go", false),
	}
	examples := topLevel(t, "*.go", true)
	example := regexp.MustCompile(`\bExample_\w+`)
	read := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		read++
		fields := strings.Fields(line)
		if len(fields) != 2 {
			t.Errorf("line %q", line)
			continue
		}
		name, home := fields[0], fields[1]
		if home != "MIGRATING" {
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
			t.Errorf("MIGRATING.md has no line about grpc.%s with an example that exists", name)
		}
	}
	if read != 24 {
		t.Errorf("read %d names, want 24", read)
	}
}
