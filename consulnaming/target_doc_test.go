package consulnaming

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var code = regexp.MustCompile("`([^`]+)`")

// docs/consul-target.md has each parameter that there is, and no other; and each is
// accepted as it is written there.
func TestDocumentOfParameters(t *testing.T) {
	text, err := os.ReadFile("../docs/consul-target.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(line, " | ")
		if len(cells) != 5 || !strings.HasPrefix(line, "| `") {
			continue
		}
		for _, match := range code.FindAllStringSubmatch(cells[0], -1) {
			name, _, _ := strings.Cut(match[1], "=")
			documented[name] = true
			u, err := url.Parse("consul://agent:8500/service?" + match[1])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := parseTarget(u); err != nil {
				t.Error(err)
			}
		}
	}
	if got, want := slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(parameters)); !slices.Equal(got, want) {
		t.Errorf("documented are %v, there are %v", got, want)
	}
}

// Nor does the doc comment of NewBuilder leave one out, but for other names of one.
func TestDocOfNewBuilder(t *testing.T) {
	source, err := os.ReadFile("builder.go")
	if err != nil {
		t.Fatal(err)
	}
	doc, _, _ := strings.Cut(string(source), "func NewBuilder(")
	for name := range parameters {
		if slices.Contains([]string{"allow-stale", "require-consistent", "healthy"}, name) {
			continue
		}
		if !regexp.MustCompile(fmt.Sprintf(`\b%s\b`, name)).MatchString(doc) {
			t.Errorf("the doc comment does not name %q", name)
		}
	}
}
