package gopathcode

import (
	"path/filepath"
	"testing"

	"golang.org/x/tools/txtar"
)

// FuzzLocks: whatever a file has, it is refused, or its entries have names and
// no other versions than exact ones.
func FuzzLocks(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		f.Fatalf("no archives: %v", err)
	}
	for _, p := range paths {
		a, err := txtar.ParseFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			f.Add(file.Data)
		}
	}
	f.Add([]byte("[[projects]]\nname='\n[\n]"))
	f.Add([]byte("imports:\n- \n-\n- name: '\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, lock := range lockFiles {
			locked, err := lock.parse(data)
			if err != nil {
				continue
			}
			for _, l := range tidy(locked) {
				if l.Path == "" || l.Version != exact(l.Version) || l.Revision+l.Version == "" {
					t.Errorf("%s: %+v", lock.name, l)
				}
			}
		}
		if path, err := glidePackage(data); err != nil && path != "" {
			t.Errorf("glide.yaml: %q and %v", path, err)
		}
	})
}
