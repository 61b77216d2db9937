// Package gopathcode finds out what a source tree from before Go modules says
// of itself: the import path that it goes by, and the commits of others that it
// was last built with. It only reads files, and asks git for the remote.
package gopathcode

import (
	"fmt"
	"os"
	"path/filepath"
)

// A Tree is what a directory without go.mod says of itself.
type Tree struct {
	Path   string   // import path of the root; "" if nothing says it
	From   string   // what says so, for a message: "the import comment in a.go:3", "GOPATH"
	Lock   string   // the file that Locked comes from, relative to the root; "" for none
	Locked []Locked // sorted by Path, one per repository or package as the file has it
}

// Locked is a dependency at a commit.
type Locked struct {
	// Path is the import path of a project's root, or of a package in it where
	// the file lists packages, as those of godep, govendor and gvt do.
	Path     string
	Revision string // the commit, of Source if there is one
	Version  string // the tag, if the file has an exact one: vX.Y.Z or X.Y.Z
	// Source is where the file has the code from, if that is not the repository
	// that Path names: a fork, or for govendor a package in another's vendor
	// directory. It is as the file has it, a URL or an import path.
	Source string
}

// Read reads the tree below root. An error is of a file that it needs; others
// need not be well-formed.
func Read(root string) (Tree, error) {
	if info, err := os.Stat(root); err != nil {
		return Tree{}, fmt.Errorf("%s: there is no such directory to read (%w)", root, err)
	} else if !info.IsDir() {
		return Tree{}, fmt.Errorf("%s is no directory; name the one that has the source tree", root)
	}
	path, from, err := importPath(root)
	if err != nil {
		return Tree{}, err
	}
	lock, locked, err := readLock(root)
	if err != nil {
		return Tree{}, err
	}
	return Tree{path, from, lock, locked}, nil
}

// parse hands the file name of root to f, and says whether there is one.
func parse(root, name string, f func([]byte) error) (found bool, err error) {
	file := filepath.Join(root, filepath.FromSlash(name))
	if info, err := os.Stat(file); err != nil || !info.Mode().IsRegular() {
		return false, nil
	}
	data, err := os.ReadFile(file)
	if err == nil {
		err = f(data)
	}
	if err != nil {
		err = fmt.Errorf("%s: %w; mend the file or take it away, and try again", file, err)
	}
	return true, err
}
