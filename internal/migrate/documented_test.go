package migrate

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What was removed from grpc-go is rewritten or reported, as testdata/removed-names.txt
// says of each, and what is rewritten compiles.
func TestEveryRemovedName(t *testing.T) {
	list, err := os.ReadFile("../../testdata/removed-names.txt")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	n := 0
	for line := range strings.Lines(string(list)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		n++
		fields := strings.SplitN(strings.TrimSpace(line), " ", 4)
		use := "var _ = " + path.Base(fields[0]) + "." + fields[1]
		if len(fields) == 4 {
			use = fields[3]
		}
		src := source(use)
		r, err := rewrite("f.go", []byte(src), Options{})
		if err != nil {
			t.Fatal(err)
		}
		rewritten, reported := r.Changed(), len(r.Reports) > 0
		switch home := fields[2]; home {
		case "compiles":
			if rewritten || reported {
				t.Errorf("%q: rewritten %v, reported %v", line, rewritten, reported)
			}
		case "reported":
			if rewritten || !reported {
				t.Errorf("%q: rewritten %v, reported %v", line, rewritten, reported)
			}
			continue
		case "names":
			if !rewritten && !reported {
				t.Errorf("%q is neither rewritten nor reported", line)
			}
			continue
		default:
			if !rewritten {
				t.Errorf("%q is not rewritten", line)
			}
			if home != "rewritten" && !slices.ContainsFunc(r.imports, func(i string) bool { return within(i, Module+"/"+path.Dir(home)) || i == Module+"/"+home }) {
				t.Errorf("%q becomes\n%s", line, r.New)
			}
		}
		writeFile(t, filepath.Join(dir, fmt.Sprint("line", n), "f.go"), string(r.New))
	}
	if n != 90 {
		t.Errorf("read %d lines, want 90", n)
	}
	vetNewest(t, dir)
}

// source is a file that uses packages of grpc's and imports them.
func source(use string) string {
	if strings.HasPrefix(use, "import ") {
		return "package p\n\n" + use + "\n"
	}
	var b strings.Builder
	b.WriteString("package p\n\nimport (\n")
	for _, p := range []string{"context", grpcPath, attributesPath, balancerPath, basePath, grpcPath + "/channelz/service",
		connectivityPath, credentialsPath, metadataPath, resolverPath, manualPath, grpcPath + "/stats"} {
		if regexp.MustCompile(`\b` + path.Base(p) + `\.`).MatchString(use) {
			fmt.Fprintf(&b, "\t%q\n", p)
		}
	}
	return b.String() + ")\n\n" + strings.ReplaceAll(use, "; func", "\n\nfunc") + "\n"
}

// Reports link to sections that exist, and what they report is in docs/names.md.
func TestReportsAreDocumented(t *testing.T) {
	anchors := make(map[string]bool)
	drop := regexp.MustCompile(`[^a-z0-9 -]`)
	for _, name := range []string{"MIGRATING.md", "docs/names.md"} {
		for line := range strings.Lines(document(t, name)) {
			if hashes, title, ok := strings.Cut(line, " "); ok && strings.Trim(hashes, "#") == "" {
				title = drop.ReplaceAllString(strings.ToLower(strings.TrimSpace(title)), "")
				anchors[name+"#"+strings.ReplaceAll(title, " ", "-")] = true
			}
		}
	}
	text := document(t, "docs/names.md")
	for _, link := range []string{linkCompile, LinkRead, linkGone, LinkDependencies, LinkCommand} {
		if !anchors[link] {
			t.Errorf("%s leads nowhere", link)
		}
	}
	for p, names := range gone {
		for name := range names {
			if !strings.Contains(text, "`"+path.Base(p)+"."+name+"`") {
				t.Errorf("docs/names.md does not mention %s.%s", p, name)
			}
		}
	}
	for p := range gonePackages {
		if !strings.Contains(text, "`"+strings.TrimPrefix(p, grpcPath+"/")+"`") {
			t.Errorf("docs/names.md does not mention package %s", p)
		}
	}
}
