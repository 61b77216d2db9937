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

// docs/contract.md names a test in each row, tests that exist, and every
// TestContract is in it.
func TestContractDocument(t *testing.T) {
	text, err := os.ReadFile("../docs/contract.md")
	if err != nil {
		t.Fatal(err)
	}
	exist := make(map[string]bool)
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Test") {
				exist[fn.Name.Name] = true
			}
		}
	}
	name := regexp.MustCompile(`\bTest\w+`)
	named := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		tests := name.FindAllString(line, -1)
		if cells := strings.Split(strings.TrimSpace(line), " | "); len(cells) == 4 && cells[0] != "| Situation" && len(tests) == 0 {
			t.Errorf("a row without a test: %s", line)
		}
		for _, n := range tests {
			named[n] = true
			if !exist[n] {
				t.Errorf("docs/contract.md names %s, which does not exist", n)
			}
		}
	}
	for n := range exist {
		if strings.HasPrefix(n, "TestContract") && n != "TestContractDocument" && !named[n] {
			t.Errorf("docs/contract.md does not name %s", n)
		}
	}
	if len(named) < 30 {
		t.Errorf("docs/contract.md names %d tests", len(named))
	}
}
