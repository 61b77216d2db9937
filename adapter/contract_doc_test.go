package adapter

import (
	"maps"
	"os"
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
	for _, dir := range []string{"", "../internal/addrset/", "../internal/endpoint/", "../internal/follow/"} {
		maps.Copy(exist, topLevel(t, dir+"*.go", true))
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
