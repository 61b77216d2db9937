//go:build go1.26

package modernize

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// TestGoFix has go fix inline what carries the directive for it, in a module that has
// the drop-in. Older Go has no such thing.
func TestGoFix(t *testing.T) {
	const name = "testdata/gofix/inline.txtar"
	dir := newModule(t)
	dropin, err := filepath.Abs("../../naming/dropin")
	if err != nil {
		t.Fatal(err)
	}
	goRun(t, dir, "mod", "edit", "-require="+migrate.Removed+"@v0.0.0", "-replace="+migrate.Removed+"="+dropin)
	a, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	files := make(map[string]string)
	for _, f := range a.Files {
		if files[f.Name] = string(f.Data); filepath.Ext(f.Name) == ".go" {
			write(t, filepath.Join(dir, f.Name), string(f.Data))
		}
	}
	goRun(t, dir, "vet", "-mod=mod", "./...")
	goRun(t, dir, "fix", "-mod=mod", "-inline", "./...")
	goRun(t, dir, "vet", "-mod=mod", "./...")
	var out []txtar.File
	for _, f := range a.Files {
		if filepath.Ext(f.Name) != ".go" {
			continue
		}
		got, err := os.ReadFile(filepath.Join(dir, f.Name))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f, txtar.File{Name: f.Name + ".golden", Data: got})
		if want := files[f.Name+".golden"]; !*update && string(got) != want {
			t.Errorf("%s becomes\n%s\nwant\n%s", f.Name, got, want)
		}
	}
	if *update {
		a.Files = out
		if err := os.WriteFile(name, txtar.Format(a), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
