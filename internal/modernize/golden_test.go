package modernize

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "write the golden files of testdata from what comes out")

// An archive is a package of testdata: NAME.go, NAME.go.golden if that is to differ,
// and reports.
type archive struct {
	*txtar.Archive
	name  string
	files map[string]string
}

func archives(t testing.TB) (all []archive) {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			t.Fatal(err)
		}
		x := archive{a, strings.TrimSuffix(filepath.Base(p), ".txtar"), make(map[string]string)}
		for _, f := range a.Files {
			x.files[f.Name] = string(f.Data)
		}
		all = append(all, x)
	}
	return all
}

// TestGolden rewrites all archives as the packages of one module, which compiles
// before and after. A second run finds nothing to do.
func TestGolden(t *testing.T) {
	dir := newModule(t)
	all := archives(t)
	for _, a := range all {
		for name, text := range a.files {
			if strings.HasSuffix(name, ".go") {
				write(t, filepath.Join(dir, a.name, name), text)
			}
		}
	}
	o := runIn(t, dir)
	out := make(map[string]string)
	for _, r := range o.Files {
		out[r.Name] = string(r.New)
		write(t, r.Name, string(r.New))
	}
	for _, a := range all {
		t.Run(a.name, func(t *testing.T) { a.check(t, dir, out, o.Reports) })
	}
	again := runIn(t, dir)
	for _, r := range again.Files {
		t.Errorf("a second run makes of %s\n%s", r.Name, r.New)
	}
	for _, r := range again.Reports {
		if r.Note {
			t.Errorf("a second run says: %s", r)
		}
	}
}

func runIn(t *testing.T, dir string) *Outcome {
	t.Helper()
	o, err := Run(context.Background(), dir, []string{"./..."})
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Broken) > 0 {
		t.Fatalf("it does not compile:\n%s", strings.Join(o.Broken, "\n"))
	}
	return o
}

func (a archive) check(t *testing.T, dir string, out map[string]string, reports []Report) {
	var said strings.Builder
	for _, r := range reports {
		if base, ok := strings.CutPrefix(r.File, a.name+"/"); ok {
			r.File = base
			said.WriteString(r.String() + "\n")
		}
	}
	if *update {
		a.write(t, dir, out, said.String())
		return
	}
	for name, text := range a.files {
		if !strings.HasSuffix(name, ".go") {
			continue
		}
		want, ok := a.files[name+".golden"]
		if !ok {
			want = text
		}
		got, ok := out[filepath.Join(dir, a.name, name)]
		if !ok {
			got = text
		}
		if got != want {
			t.Errorf("%s becomes\n%s\nwant\n%s", name, got, want)
		}
	}
	if said.String() != a.files["reports"] {
		t.Errorf("reports:\n%s\nwant\n%s", said.String(), a.files["reports"])
	}
}

func (a archive) write(t *testing.T, dir string, out map[string]string, reports string) {
	t.Helper()
	kept := slices.DeleteFunc(slices.Clone(a.Files), func(f txtar.File) bool {
		return strings.HasSuffix(f.Name, ".golden") || f.Name == "reports"
	})
	var files []txtar.File
	for _, f := range kept {
		files = append(files, f)
		if now, ok := out[filepath.Join(dir, a.name, f.Name)]; ok {
			files = append(files, txtar.File{Name: f.Name + ".golden", Data: []byte(now)})
		}
	}
	if reports != "" {
		files = append(files, txtar.File{Name: "reports", Data: []byte(reports)})
	}
	a.Files = files
	if err := os.WriteFile(filepath.Join("testdata", a.name+".txtar"), txtar.Format(a.Archive), 0o644); err != nil {
		t.Fatal(err)
	}
}
