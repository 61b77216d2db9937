package modernize

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/packages"
)

// vetVariable makes the test binary the tool of go vet.
const vetVariable = "GRPCNAMING_TEST_VETTOOL"

func TestMain(m *testing.M) {
	if args := os.Args[1:]; os.Getenv(vetVariable) != "" && ForVet(args) {
		fmt.Fprintln(os.Stderr, Vet(args))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// TestVetTool has go vet run all analyzers on the sources of the golden files. Each
// finds by itself what it finds in Run, with the same edits. (One at a time would take
// minutes, as go vet begins with all dependencies anew: the command's script does that.)
func TestVetTool(t *testing.T) {
	dir := newModule(t)
	for _, a := range archives(t) {
		for name, text := range a.files {
			if strings.HasSuffix(name, ".go") {
				write(t, filepath.Join(dir, a.name, name), text)
			}
		}
	}
	p := &program{ctx: context.Background(), dir: dir, patterns: []string{"./..."}}
	pkgs, err := p.load()
	if err != nil {
		t.Fatal(err)
	}
	said := vetSays(t, dir)
	for _, a := range Analyzers {
		t.Run(a.Name, func(t *testing.T) {
			want, got := diagnosticsOf(t, p, pkgs, a), said[a.Name]
			if len(want) == 0 {
				t.Error("it finds nothing")
			}
			for _, d := range slices.Sorted(maps.Keys(want)) {
				if !got[d] {
					t.Errorf("go vet does not find\n%s", d)
				}
			}
			for _, d := range slices.Sorted(maps.Keys(got)) {
				if !want[d] {
					t.Errorf("go vet alone finds\n%s", d)
				}
			}
		})
	}
}

// A vetDiagnostic is what go vet -json prints of a diagnostic.
type vetDiagnostic struct {
	Posn    string `json:"posn"`
	Message string `json:"message"`
	Fixes   []struct {
		Edits []vetEdit `json:"edits"`
	} `json:"suggested_fixes"`
}

type vetEdit struct {
	Filename string `json:"filename"`
	Start    int    `json:"start"`
	End      int    `json:"end"`
	New      string `json:"new"`
}

// String has the edits in the order of their texts: some x/tools sort them by place.
func (d vetDiagnostic) String() string {
	var edits []string
	for _, f := range d.Fixes {
		for _, e := range f.Edits {
			edits = append(edits, fmt.Sprintf("\n\t%s:%d-%d: %q", filepath.Base(e.Filename), e.Start, e.End, e.New))
		}
	}
	slices.Sort(edits)
	return d.Posn + ": " + d.Message + strings.Join(edits, "")
}

// vetSays returns what go vet finds, by analyzer.
func vetSays(t *testing.T, dir string) map[string]map[string]bool {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", "vet", "-mod=mod", "-vettool="+self, "-json", "./...")
	c.Dir, c.Env = dir, append(os.Environ(), vetVariable+"=1")
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		t.Fatalf("go vet: %v\n%s", err, stderr.String())
	}
	// Before Go 1.26 it was standard error, with a line # for each package.
	text := stdout.String()
	for line := range strings.Lines(stderr.String()) {
		if !strings.HasPrefix(line, "#") {
			text += line
		}
	}
	said := make(map[string]map[string]bool)
	for d := json.NewDecoder(strings.NewReader(text)); ; {
		var byPackage map[string]map[string][]vetDiagnostic
		if err := d.Decode(&byPackage); errors.Is(err, io.EOF) {
			return said
		} else if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		for _, byName := range byPackage {
			for name, list := range byName {
				if said[name] == nil {
					said[name] = make(map[string]bool)
				}
				for _, d := range list {
					said[name][d.String()] = true
				}
			}
		}
	}
}

// diagnosticsOf returns what an analyzer finds in the first round of Run.
func diagnosticsOf(t *testing.T, p *program, pkgs []*packages.Package, a *analysis.Analyzer) map[string]bool {
	t.Helper()
	defer func(all []*analysis.Analyzer) { Analyzers = all }(Analyzers)
	Analyzers = []*analysis.Analyzer{a}
	found, err := p.analyze(pkgs)
	if err != nil {
		t.Fatal(err)
	}
	said := make(map[string]bool)
	for _, f := range found {
		d := vetDiagnostic{Posn: f.place.String(), Message: f.Message}
		for _, fix := range f.SuggestedFixes {
			var edits []vetEdit
			for _, e := range fix.TextEdits {
				at := pkgs[0].Fset.Position(e.Pos)
				edits = append(edits, vetEdit{at.Filename, at.Offset, pkgs[0].Fset.Position(e.End).Offset, string(e.NewText)})
			}
			d.Fixes = append(d.Fixes, struct {
				Edits []vetEdit `json:"edits"`
			}{edits})
		}
		said[d.String()] = true
	}
	return said
}

// TestFlagsAreFree sees to it that no analyzer is called as a flag that go vet has
// itself, or as one of its own analyzers.
func TestFlagsAreFree(t *testing.T) {
	var flags []struct{ Name string }
	if err := json.Unmarshal([]byte(goRun(t, ".", "tool", "vet", "-flags")), &flags); err != nil {
		t.Fatal(err)
	}
	help := goRun(t, ".", "help", "build")
	for _, a := range Analyzers {
		for _, f := range flags {
			if f.Name == a.Name {
				t.Errorf("%s is a flag of go vet", a.Name)
			}
		}
		if strings.Contains(help, "\n\t-"+a.Name+"\n") || strings.Contains(help, "\n\t-"+a.Name+" ") {
			t.Errorf("%s is a flag of go build", a.Name)
		}
		a.Flags.VisitAll(func(f *flag.Flag) { t.Errorf("%s has a flag %s", a.Name, f.Name) })
	}
	if err := analysis.Validate(Analyzers); err != nil {
		t.Error(err)
	}
}
