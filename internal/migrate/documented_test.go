package migrate

import (
	"fmt"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

func migrating(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../MIGRATING.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Every name that package grpc lost is rewritten or reported.
func TestEveryRemovedName(t *testing.T) {
	list, err := os.ReadFile("../../testdata/removed-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		name := strings.Fields(line)[0]
		use := "grpc." + name
		if typ, field, ok := strings.Cut(name, "."); ok {
			use = fmt.Sprintf("grpc.%s{%s: nil}", typ, field)
		}
		r, err := rewrite("f.go", []byte("package p\nimport \"google.golang.org/grpc\"\nvar _ = "+use), nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(r.New), use) && len(r.Reports) == 0 {
			t.Errorf("%s is neither rewritten nor reported", name)
		}
	}
	if n == 0 {
		t.Error("no names read")
	}
}

// Reports link to sections that exist, and what they report is in MIGRATING.md.
func TestReportsAreDocumented(t *testing.T) {
	text := migrating(t)
	anchors := make(map[string]bool)
	drop := regexp.MustCompile(`[^a-z0-9 -]`)
	for line := range strings.Lines(text) {
		if title, ok := strings.CutPrefix(line, "## "); ok {
			title = drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
			anchors["MIGRATING.md#"+strings.ReplaceAll(title, " ", "-")] = true
		}
	}
	for _, link := range []string{linkCompile, LinkRead, linkGone, LinkDependencies, LinkCommand} {
		if !anchors[link] {
			t.Errorf("%s leads nowhere", link)
		}
	}
	for p, names := range gone {
		for name := range names {
			if !strings.Contains(text, "`"+path.Base(p)+"."+name+"`") {
				t.Errorf("MIGRATING.md does not mention %s.%s", p, name)
			}
		}
	}
	for p := range gonePackages {
		if !strings.Contains(text, "`"+strings.TrimPrefix(p, grpcPath+"/")+"`") {
			t.Errorf("MIGRATING.md does not mention package %s", p)
		}
	}
}
