package gopathcode

import (
	"path/filepath"
	"strings"

	"golang.org/x/mod/module"
)

// importPath asks what may name root: first what its authors wrote, and last
// what may be a fork's. dep is not asked, as Gopkg.toml does not name its own
// project.
func importPath(root string) (path, from string, err error) {
	if path, from, err = importComment(root); path != "" || err != nil {
		return path, from, err
	}
	for _, f := range []struct {
		name string
		path func([]byte) (string, error)
	}{
		{"Godeps/Godeps.json", jsonPath},
		{"glide.yaml", glidePackage},
		{"vendor/vendor.json", jsonPath},
	} {
		path := ""
		_, err := parse(root, f.name, func(data []byte) (err error) {
			path, err = f.path(data)
			return err
		})
		if valid(path) || err != nil {
			return path, f.name, err
		}
	}
	if path := belowGOPATH(root); path != "" {
		return path, "GOPATH", nil
	}
	if path := remotePath(root); valid(path) {
		return path, "the git remote origin", nil
	}
	return "", "", nil
}

// valid says whether path can be a module's: the go command takes one whose
// first element has no dot for the standard library's.
func valid(path string) bool {
	host, _, _ := strings.Cut(path, "/")
	return strings.Contains(host, ".") && module.CheckImportPath(path) == nil
}

// belowGOPATH is what comes after a src directory, in the path of root as it is
// given or as it is without symbolic links, as either may be the one in GOPATH.
// Of several src directories the last counts, as a project may have a GOPATH of
// its own within another.
func belowGOPATH(root string) string {
	abs, _ := filepath.Abs(root)
	real, _ := filepath.EvalSymlinks(abs)
	for _, p := range []string{abs, real} {
		elements := strings.Split(filepath.ToSlash(p), "/")
		for i := len(elements) - 3; i >= 0; i-- {
			if path := strings.Join(elements[i+1:], "/"); elements[i] == "src" && valid(path) {
				return path
			}
		}
	}
	return ""
}
