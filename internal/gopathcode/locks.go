package gopathcode

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// lockFiles are what the tools of the time wrote; the first that exists counts.
var lockFiles = []struct {
	name  string
	parse func([]byte) ([]Locked, error)
}{
	{"Gopkg.lock", parseDep},
	{"glide.lock", parseGlide},
	{"Godeps/Godeps.json", parseJSON},
	{"vendor/vendor.json", parseJSON},
	{"vendor/manifest", parseJSON},
}

func readLock(root string) (name string, locked []Locked, err error) {
	for _, f := range lockFiles {
		found, err := parse(root, f.name, func(data []byte) (err error) {
			locked, err = f.parse(data)
			return err
		})
		if found {
			return f.name, tidy(locked), err
		}
	}
	return "", nil, nil
}

// tidy sorts by path, and drops what is listed twice, or without a commit or a
// tag, as a package that govendor was told to leave out.
func tidy(locked []Locked) []Locked {
	locked = slices.DeleteFunc(locked, func(l Locked) bool {
		return l.Path == "" || l.Revision == "" && l.Version == ""
	})
	slices.SortStableFunc(locked, func(a, b Locked) int { return strings.Compare(a.Path, b.Path) })
	return slices.Compact(locked)
}

// jsonFile is a file of godep, of govendor, or of gvt and gb. They differ in
// their keys only, of which encoding/json takes upper case for lower.
type jsonFile struct {
	ImportPath, RootPath string // of the tree itself; godep's and govendor's
	Deps                 []struct{ ImportPath, Comment, Rev string }
	Package              []struct{ Path, Revision, Version, VersionExact, Origin string }
	Dependencies         []struct{ ImportPath, Repository, Revision string }
}

func jsonPath(data []byte) (string, error) {
	var file jsonFile
	err := json.Unmarshal(data, &file)
	return cmp.Or(file.ImportPath, file.RootPath), err
}

func parseJSON(data []byte) (locked []Locked, err error) {
	var file jsonFile
	err = json.Unmarshal(data, &file)
	for _, d := range file.Deps {
		locked = append(locked, Locked{d.ImportPath, d.Rev, exact(d.Comment), ""})
	}
	for _, p := range file.Package {
		version := cmp.Or(exact(p.VersionExact), exact(p.Version)) // the latter may be a range
		locked = append(locked, Locked{p.Path, p.Revision, version, other(p.Origin, p.Path)})
	}
	for _, d := range file.Dependencies {
		l := Locked{d.ImportPath, d.Revision, "", ""}
		// gvt takes down every repository, and so says nothing of a fork where
		// the path does not name its own.
		switch host, _, _ := strings.Cut(d.ImportPath, "/"); host {
		case "github.com", "gitlab.com", "bitbucket.org":
			l.Source = other(d.Repository, d.ImportPath)
		}
		locked = append(locked, l)
	}
	return locked, err
}

// described is what git describe appends to the last tag before a commit.
var described = regexp.MustCompile(`-[0-9]+-g[0-9a-f]+$`)

// exact returns the tag if it is an exact version, and else "".
func exact(tag string) string {
	v := "v" + strings.TrimPrefix(tag, "v")
	if semver.Canonical(v) != v || described.MatchString(v) {
		return ""
	}
	return tag
}

// other returns source unless it is the repository that path is in, by its name.
func other(source, path string) string {
	if strings.HasPrefix(path+"/", repositoryPath(source)+"/") {
		return ""
	}
	return source
}
