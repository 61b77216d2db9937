//go:build go1.26

package modernize

import (
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// TestStaticcheck asks what is deprecated in the golden files, with the newest grpc-go:
// nothing but what is reported as left. It runs with that alone, see Makefile, and the
// Go that it asks for.
func TestStaticcheck(t *testing.T) {
	tools, err := filepath.Abs("../../testdata/tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	dir := newModule(t)
	for _, a := range archives(t) {
		for name, text := range a.files {
			if strings.HasSuffix(name, ".go") {
				write(t, filepath.Join(dir, a.name, name), text)
			}
		}
	}
	for _, r := range runIn(t, dir).Files {
		write(t, r.Name, string(r.New))
	}
	reports := runIn(t, dir).Reports
	out, err := run(t, dir, "go", "tool", "-modfile="+tools, "staticcheck", "-checks", "SA1019", "./...")
	deprecated := regexp.MustCompile(`(?m)^(\S+\.go):(\d+):\d+: (\S+) is deprecated: .*$`).FindAllStringSubmatch(out, -1)
	if len(deprecated) == 0 || len(deprecated) != strings.Count(out, "\n") {
		t.Fatalf("staticcheck: %v\n%s", err, out)
	}
	for _, d := range deprecated {
		line, err := strconv.Atoi(d[2])
		if err != nil {
			t.Fatal(err)
		}
		if !explained(t, dir, reports, d[1], line, d[3]) {
			t.Errorf("neither rewritten nor reported: %s", d[0])
		}
	}
}

// explained says whether a report of something that is left is in the declaration that
// uses a deprecated name, or if that is a name of this module in its package: a type that
// implements naming.Resolver is reported, and not each of its methods.
func explained(t *testing.T, dir string, reports []Report, name string, line int, used string) bool {
	t.Helper()
	first, last := declaration(t, filepath.Join(dir, name), line)
	ours, isOurs := strings.CutPrefix(used, migrate.Module+"/")
	pkg, _, _ := strings.Cut(ours, ".")
	for _, r := range reports {
		switch {
		case r.Note:
		case r.File == name && first <= r.Line && r.Line <= last:
			return true
		case isOurs && filepath.Dir(r.File) == filepath.Dir(name) &&
			regexp.MustCompile(`(implements|uses|and) `+strings.TrimSuffix(pkg, "/base")+`(/base)?\.`).MatchString(r.Text):
			return true
		}
	}
	return false
}

// declaration returns the lines of the declaration that a line is in.
func declaration(t *testing.T, name string, line int) (first, last int) {
	t.Helper()
	fset := token.NewFileSet()
	tree, err := parser.ParseFile(fset, name, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range tree.Decls {
		if first, last = fset.Position(d.Pos()).Line, fset.Position(d.End()).Line; first <= line && line <= last {
			return first, last
		}
	}
	return line, line
}
