package consulagent

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func TestFind(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	nested := filepath.Join(root, "nested", "deep")
	if err := os.MkdirAll(nested, 0o755); err != nil {
		t.Fatal(err)
	}
	suffix := ""
	if runtime.GOOS == "windows" {
		suffix = ".exe"
	}
	onPath := filepath.Join(t.TempDir(), "consul"+suffix)
	inModule := filepath.Join(root, "bin", "consul"+suffix)
	put := func(path string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(nested)
	t.Setenv("PATH", filepath.Dir(onPath))

	if path, err := Find(); err == nil || !strings.Contains(err.Error(), "run make consul") {
		t.Errorf("with none: %q, %v; want an error that says what to do", path, err)
	}
	put(onPath, 0o755)
	put(inModule, 0o755)
	if path, err := Find(); err != nil || path != onPath {
		t.Errorf("outside of a module: %q, %v; want %q", path, err, onPath)
	}
	put(filepath.Join(root, "go.mod"), 0o644)
	put(filepath.Join(root, "nested", "go.mod"), 0o644)
	if path, err := Find(); err != nil || path != inModule {
		t.Errorf("inside a module: %q, %v; want %q", path, err, inModule)
	}
}
