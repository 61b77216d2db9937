package testproxy

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What the proxy serves is what the go command gets.
func TestProxyServes(t *testing.T) {
	goes := proxy(t,
		"module example.com/Upper@v1.0.0\nwith a go.mod\n-- go.mod --\nmodule example.com/Upper\n\nrequire example.com/plain v1.0.0\n-- u.go --\npackage upper\n",
		"module example.com/plain@v1.0.0\n-- p.go --\npackage plain\n-- LICENSE --\nFree.\n",
		"module example.com/plain@v1.1.0\nextends example.com/plain@v1.0.0\n-- p.go --\npackage plain // v1.1.0\n-- more/m.go --\npackage more\n",
		"module example.com/plain@v0.0.0-20180102030405-0123456789ab\n-- p.go --\npackage plain\n",
		"module example.com/plain@v2.0.0+incompatible\n-- p.go --\npackage plain\n",
		"module example.com/untagged@v0.0.0-20190101000000-bbbbbbbbbbbb\n-- p.go --\npackage untagged\n",
		"module example.com/untagged@v0.0.0-20180101000000-aaaaaaaaaaaa\n-- p.go --\npackage untagged\n",
	)

	for query, want := range map[string]string{
		"example.com/plain":    "v1.0.0 v1.1.0 v2.0.0+incompatible",
		"example.com/untagged": "",
	} {
		if got := goes(t, "list", "-m", "-f", "{{join .Versions ` `}}", "-versions", query); got != want {
			t.Errorf("the versions of %s are %q, want %q", query, got, want)
		}
	}

	for query, want := range map[string]string{
		"example.com/Upper@latest":                                 "v1.0.0 2020-01-01T00:00:00Z",
		"example.com/untagged@latest":                              "v0.0.0-20190101000000-bbbbbbbbbbbb 2019-01-01T00:00:00Z",
		"example.com/plain@v1":                                     "v1.1.0 2020-01-01T00:00:00Z",
		"example.com/plain@v0.0.0-20180102030405-0123456789ab":     "v0.0.0-20180102030405-0123456789ab 2018-01-02T03:04:05Z",
		"example.com/untagged@v0.0.0-20180101000000-aaaaaaaaaaaa":  "v0.0.0-20180101000000-aaaaaaaaaaaa 2018-01-01T00:00:00Z",
		"example.com/untagged@aaaaaaaaaaaa":                        "v0.0.0-20180101000000-aaaaaaaaaaaa 2018-01-01T00:00:00Z",
		"example.com/plain@0123456789ab" + strings.Repeat("0", 28): "v0.0.0-20180102030405-0123456789ab 2018-01-02T03:04:05Z",
	} {
		got := goes(t, "list", "-m", "-f", "{{.Version}} {{.Time.Format `"+time.RFC3339+"`}}", query)
		if got != want {
			t.Errorf("%s is %q, want %q", query, got, want)
		}
	}

	for _, c := range []struct{ query, mod, file, content string }{
		{"example.com/Upper@v1.0.0", "module example.com/Upper\n\nrequire example.com/plain v1.0.0\n", "u.go", "package upper\n"},
		{"example.com/plain@v1.0.0", "module example.com/plain\n", "LICENSE", "Free.\n"},
		{"example.com/plain@v1.1.0", "module example.com/plain\n", "p.go", "package plain // v1.1.0\n"},
		{"example.com/plain@v1.1.0", "module example.com/plain\n", "LICENSE", "Free.\n"},
		{"example.com/plain@v1.1.0", "module example.com/plain\n", "more/m.go", "package more\n"},
		{"example.com/plain@v2.0.0+incompatible", "module example.com/plain\n", "p.go", "package plain\n"},
	} {
		var got struct{ GoMod, Dir string }
		if err := json.Unmarshal([]byte(goes(t, "mod", "download", "-json", c.query)), &got); err != nil {
			t.Fatal(err)
		}
		if mod := read(t, got.GoMod); mod != c.mod {
			t.Errorf("the go.mod of %s is %q, want %q", c.query, mod, c.mod)
		}
		if content := read(t, filepath.Join(got.Dir, c.file)); content != c.content {
			t.Errorf("%s of %s is %q, want %q", c.file, c.query, content, c.content)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	if err := Write(t.TempDir()); err == nil {
		t.Error("no archives at all are taken for a proxy")
	}
	const good = "module example.com/a@v1.0.0\n-- a.go --\npackage a\n"
	for _, c := range []struct{ archive, want string }{
		{"-- a.go --\npackage a\n", "module PATH@VERSION"},
		{"module example.com/b\n", "module PATH@VERSION"},
		{"module example.com/b@1.0\n", "1.0"},
		{"module example.com/b@v2.0.0\n", "v2.0.0"},
		{"module example.com/a@v1.0.0\n", "another archive"},
		{"module example.com/a@v1.1.0\nextends example.com/a@v1.0.1\n", "example.com/a@v1.0.1, which is in no archive"},
		{"module example.com/b@v1.0.0\n-- ../b.go --\npackage b\n", "../b.go"},
	} {
		err := Write(t.TempDir(), archives(t, good, c.archive)...)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "1.txtar") {
			t.Errorf("%q: the error is %v, want one that names the file and %q", c.archive, err, c.want)
		}
	}
}

// proxy serves the archives to the go command that it returns.
func proxy(t *testing.T, texts ...string) (goes func(t *testing.T, args ...string) string) {
	t.Helper()
	dir := t.TempDir()
	if err := Write(dir, archives(t, texts...)...); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), Env(dir, t.TempDir())...)
	outside := t.TempDir() // of any module
	return func(t *testing.T, args ...string) string {
		t.Helper()
		c := exec.Command("go", args...)
		c.Dir, c.Env = outside, env
		var stderr strings.Builder
		c.Stderr = &stderr
		out, err := c.Output()
		if err != nil {
			t.Fatalf("go %q: %v\n%s", args, err, stderr.String())
		}
		return strings.TrimSpace(string(out))
	}
}

// archives writes each text to a file, 0.txtar and so on.
func archives(t *testing.T, texts ...string) (names []string) {
	t.Helper()
	dir := t.TempDir()
	for i, text := range texts {
		name := filepath.Join(dir, string(rune('0'+i))+".txtar")
		if err := os.WriteFile(name, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
