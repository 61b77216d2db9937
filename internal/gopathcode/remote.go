package gopathcode

import (
	"net/url"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
)

// remotePath is the import path that the git remote origin makes root's. No git,
// no repository and no such remote are all no answer.
func remotePath(root string) string {
	// git itself tells where root is below its top level, as paths that are
	// compared here might differ by a symbolic link.
	below, err := git(root, "rev-parse", "--show-prefix")
	if err != nil {
		return ""
	}
	remote, err := git(root, "config", "--local", "--get", "remote.origin.url")
	if err != nil || !strings.Contains(remote, ":") { // a directory
		return ""
	}
	return path.Join(repositoryPath(remote), below)
}

// git runs git in dir, and on the repository that dir is in: a git hook that
// runs this has variables that name another.
func git(dir string, args ...string) (string, error) {
	c := exec.Command("git", append([]string{"-C", dir}, args...)...)
	c.Env = slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "GIT_DIR=") || strings.HasPrefix(v, "GIT_WORK_TREE=")
	})
	out, err := c.Output()
	return strings.TrimSpace(string(out)), err
}

// repositoryPath is the import path of a repository, given as a URL, as
// user@host:path or as an import path.
func repositoryPath(remote string) string {
	repo := remote
	if u, err := url.Parse(remote); err == nil && u.Host != "" {
		repo = u.Hostname() + u.Path
	} else if host, path, ok := strings.Cut(remote, ":"); ok && !strings.Contains(host, "/") {
		repo = host[strings.LastIndexByte(host, '@')+1:] + "/" + path
	}
	return strings.TrimSuffix(strings.TrimSuffix(repo, "/"), ".git")
}
