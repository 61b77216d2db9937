package gopathcode

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// Each archive of testdata is a tree, and "want": what Read makes of it, as
// describe writes it, or "error" and what the message has, the file first. A
// line "root DIR" of the archive's comment names the directory to read.
func TestRead(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no archives: %v", err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), ".txtar"), func(t *testing.T) {
			a, err := txtar.ParseFile(p)
			if err != nil {
				t.Fatal(err)
			}
			root, want := unpack(t, a)
			got, err := Read(root)
			if text, ok := strings.CutPrefix(want, "error "); ok {
				file, text, _ := strings.Cut(strings.TrimSpace(text), ": ")
				file = filepath.Join(root, filepath.FromSlash(file))
				if err == nil || !strings.HasPrefix(err.Error(), file+": ") || !strings.Contains(err.Error(), text) {
					t.Errorf("error %v, want one of %s that has %q", err, file, text)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := describe(got); d != want {
				t.Errorf("got\n%s\nwant\n%s", d, want)
			}
		})
	}
}

// describe writes a tree with a line for each field and dependency that it has;
// "-" is for an empty one.
func describe(t Tree) string {
	var b strings.Builder
	for _, f := range [][2]string{{"path", t.Path}, {"from", t.From}, {"lock", t.Lock}} {
		if f[1] != "" {
			fmt.Fprintf(&b, "%s %s\n", f[0], f[1])
		}
	}
	for _, l := range t.Locked {
		fmt.Fprintln(&b, l.Path, cmp.Or(l.Revision, "-"), cmp.Or(l.Version, "-"), cmp.Or(l.Source, "-"))
	}
	return b.String()
}

// unpack writes an archive to a directory that is in no repository and below no
// src directory.
func unpack(t *testing.T, a *txtar.Archive) (root, want string) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	for _, f := range a.Files {
		if f.Name == "want" {
			want = string(f.Data)
			continue
		}
		writeFile(t, filepath.Join(dir, filepath.FromSlash(f.Name)), string(f.Data))
	}
	for line := range strings.Lines(string(a.Comment)) {
		if sub, ok := strings.CutPrefix(line, "root "); ok {
			dir = filepath.Join(dir, filepath.FromSlash(strings.TrimSpace(sub)))
		}
	}
	return dir, want
}

func writeFile(t *testing.T, name, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(data), 0o666); err != nil {
		t.Fatal(err)
	}
}

func TestReadNoDirectory(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a.go")
	writeFile(t, file, `package a // import "example.com/a"`)
	for _, root := range []string{file, filepath.Join(dir, "gone")} {
		if _, err := Read(root); err == nil || !strings.HasPrefix(err.Error(), root) {
			t.Errorf("%s: error %v, want one that names it", root, err)
		}
	}
}

// Links below the root are not followed, and one to nothing is no error.
func TestReadLinksBelow(t *testing.T) {
	other, dir := t.TempDir(), t.TempDir()
	writeFile(t, filepath.Join(other, "o.go"), `package o // import "example.com/wrong/o"`)
	writeFile(t, filepath.Join(dir, "p", "p.go"), `package p // import "example.com/right/p"`)
	symlink(t, other, filepath.Join(dir, "o"))
	writeFile(t, filepath.Join(other, "q.go"), `package q // import "example.com/wrong"`)
	symlink(t, filepath.Join(other, "q.go"), filepath.Join(dir, "q.go"))
	symlink(t, filepath.Join(other, "gone"), filepath.Join(dir, "gone.go"))
	if got, err := Read(dir); err != nil || got.Path != "example.com/right" {
		t.Errorf("got %q, %v", got.Path, err)
	}
}

func symlink(t *testing.T, to, name string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(to, name); err != nil {
		t.Fatal(err)
	}
}

// The root may be a link, into GOPATH or in GOPATH to elsewhere.
func TestReadLinkedRoot(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	elsewhere, inside := filepath.Join(dir, "elsewhere"), filepath.Join(dir, "go", "src", "example.com", "a", "in")
	writeFile(t, filepath.Join(elsewhere, "a.go"), "package a")
	writeFile(t, filepath.Join(inside, "a.go"), "package a")
	link, linkInside := filepath.Join(dir, "link"), filepath.Join(dir, "go", "src", "example.com", "a", "out")
	symlink(t, inside, link)
	symlink(t, elsewhere, linkInside)
	for root, want := range map[string]string{link: "example.com/a/in", linkInside: "example.com/a/out", elsewhere: ""} {
		if got, err := Read(root); err != nil || got.Path != want {
			t.Errorf("%s: got %q, %v, want %q", root, got.Path, err, want)
		}
	}
	writeFile(t, filepath.Join(elsewhere, "sub", "a.go"), `package a // import "example.com/b/sub"`)
	if got, err := Read(linkInside); err != nil || got.From != "the import comment in sub/a.go:1" {
		t.Errorf("the comment below a link: got %+v, %v", got, err)
	}
}
