package testdoc

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var testName = regexp.MustCompile(`\bTest\w+`)

// Contract checks a document of behaviours, such as docs/contract.md. Each row of
// its tables, which have four columns, names a test; the tests are in the
// directories; and each test there whose name begins with prefix is named.
func Contract(t *testing.T, document, prefix string, directories ...string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	exist := make(map[string]bool)
	for _, dir := range directories {
		maps.Copy(exist, Names(t, filepath.Join(dir, "*.go"), true))
	}
	named := make(map[string]bool)
	rows := 0
	for line := range strings.Lines(string(text)) {
		tests := testName.FindAllString(line, -1)
		if cells := strings.Split(strings.TrimSpace(line), " | "); len(cells) == 4 && cells[0] != "| Situation" {
			if rows++; len(tests) == 0 {
				t.Errorf("a row without a test: %s", line)
			}
		}
		for _, n := range tests {
			named[n] = true
			if !exist[n] {
				t.Errorf("%s names %s, which does not exist", document, n)
			}
		}
	}
	for n := range exist {
		if strings.HasPrefix(n, prefix) && !named[n] {
			t.Errorf("%s does not name %s", document, n)
		}
	}
	if rows < 15 {
		t.Errorf("%s has %d rows", document, rows)
	}
}
