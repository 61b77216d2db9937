package gopathcode

import (
	"os/exec"
	"path/filepath"
	"testing"
)

func repository(t *testing.T, remote string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(dir))
	commands := [][]string{{"init", "-q"}}
	if remote != "" {
		commands = append(commands, []string{"config", "remote.origin.url", remote})
	}
	for _, args := range commands {
		if out, err := exec.Command("git", append([]string{"-C", dir}, args...)...).CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	return dir
}

func TestRemote(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/owner/repo":               "github.com/owner/repo",
		"https://github.com/owner/repo.git":           "github.com/owner/repo",
		"https://user:secret@github.com/owner/repo/":  "github.com/owner/repo",
		"https://github.com/owner/repo.git/":          "github.com/owner/repo",
		"git@github.com:owner/repo.git":               "github.com/owner/repo",
		"git.example.com:/owner/repo":                 "git.example.com/owner/repo",
		"ssh://git@git.example.com/owner/repo.git":    "git.example.com/owner/repo",
		"ssh://git@git.example.com:7999/own/repo.git": "git.example.com/own/repo",
		"git://example.com/group/sub/repo.git":        "example.com/group/sub/repo",
		"git@localhost:owner/repo":                    "",
		"https://example.com/a repo":                  "",
		"file:///srv/example.com/repo.git":            "",
		"/srv/example.com/repo.git":                   "",
		"../example.com/repo":                         "",
		"./example.com/a:b":                           "",
		"example.com/repo":                            "",
		"":                                            "",
	} {
		t.Run(remote, func(t *testing.T) {
			from := "the git remote origin"
			if want == "" {
				from = ""
			}
			if got, err := Read(repository(t, remote)); err != nil || got.Path != want || got.From != from {
				t.Errorf("got %+v, %v, want %q", got, err, want)
			}
		})
	}
}

// What is below the top level is appended, whether a link leads there or not.
func TestRemoteBelow(t *testing.T) {
	dir := repository(t, "https://github.com/owner/repo")
	sub := filepath.Join(dir, "services", "a")
	writeFile(t, filepath.Join(sub, "a.go"), "package a")
	link := filepath.Join(t.TempDir(), "link")
	symlink(t, sub, link)
	for _, root := range []string{sub, link} {
		if got, err := Read(root); err != nil || got.Path != "github.com/owner/repo/services/a" {
			t.Errorf("%s: got %q, %v", root, got.Path, err)
		}
	}
}

// The repository is the one that the root is in, whatever a git hook says.
func TestRemoteOfRoot(t *testing.T) {
	other := repository(t, "https://github.com/other/repo")
	t.Setenv("GIT_DIR", filepath.Join(other, ".git"))
	t.Setenv("GIT_WORK_TREE", other)
	outside := t.TempDir()
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(outside))
	if got, err := Read(outside); err != nil || got.Path != "" {
		t.Errorf("outside of any: got %q, %v", got.Path, err)
	}
}

// A remote in the user's own configuration is none of the repository's.
func TestRemoteOfUser(t *testing.T) {
	other := repository(t, "https://github.com/other/repo")
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(other, ".git", "config"))
	if got, err := Read(repository(t, "")); err != nil || got.Path != "" {
		t.Errorf("got %q, %v", got.Path, err)
	}
}

func TestNoGit(t *testing.T) {
	dir := repository(t, "https://github.com/owner/repo")
	t.Setenv("PATH", t.TempDir())
	if got, err := Read(dir); err != nil || got.Path != "" {
		t.Errorf("got %q, %v", got.Path, err)
	}
}
