package migrate

import (
	"os"
	"path/filepath"
	"testing"
)

// When a file cannot be replaced, nothing is left beside it.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	occupied := filepath.Join(dir, "f.go")
	writeFile(t, filepath.Join(occupied, "x"), "")
	for _, name := range []string{occupied, filepath.Join(dir, "gone.go")} {
		if err := (&Result{Name: name, Old: []byte("y"), New: []byte("x")}).Write(); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
