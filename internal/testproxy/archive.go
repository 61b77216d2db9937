package testproxy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing/fstest"

	"golang.org/x/mod/module"
	modzip "golang.org/x/mod/zip"
	"golang.org/x/tools/txtar"
)

// archive is a version of a module and its files.
type archive struct {
	module.Version
	files    fstest.MapFS
	unlisted bool
}

// readArchive reads the archive in a file. It may extend one that is known.
func readArchive(name string, known map[module.Version]*archive) (*archive, error) {
	txt, err := txtar.ParseFile(name)
	if err != nil {
		return nil, err
	}
	lines := strings.SplitN(string(txt.Comment), "\n", 3)
	version, ok := directive("module", lines[0])
	if !ok {
		return nil, errors.New("the first line is not: module PATH@VERSION")
	}
	if err := module.Check(version.Path, version.Version); err != nil {
		return nil, err
	}
	if known[version] != nil {
		return nil, fmt.Errorf("%s is in another archive too; take one of them away", version)
	}
	a := &archive{Version: version, files: make(fstest.MapFS)}
	if len(lines) > 1 {
		if base, ok := directive("extends", lines[1]); ok {
			if known[base] == nil {
				return nil, fmt.Errorf("it extends %s, which is in no archive before it", base)
			}
			maps.Copy(a.files, known[base].files)
		}
		a.unlisted = lines[1] == "unlisted"
	}
	for _, f := range txt.Files {
		a.files[f.Name] = &fstest.MapFile{Data: f.Data, Mode: 0o644}
	}
	return a, nil
}

// directive takes a line apart that says VERB PATH@VERSION.
func directive(verb, line string) (v module.Version, ok bool) {
	rest, ok := strings.CutPrefix(line, verb+" ")
	if !ok {
		return module.Version{}, false
	}
	v.Path, v.Version, ok = strings.Cut(strings.TrimSpace(rest), "@")
	return v, ok
}

func (a *archive) goMod() []byte {
	if f := a.files["go.mod"]; f != nil {
		return f.Data
	}
	return []byte("module " + a.Path + "\n")
}

func (a *archive) zip(w io.Writer) error {
	var files []modzip.File
	for _, name := range slices.Sorted(maps.Keys(a.files)) { // the same bytes each time
		files = append(files, zipFile{a.files, name})
	}
	return modzip.Create(w, a.Version, files)
}

// zipFile implements modzip.File.
type zipFile struct {
	fsys fs.FS
	name string
}

func (f zipFile) Path() string                 { return f.name }
func (f zipFile) Lstat() (fs.FileInfo, error)  { return fs.Stat(f.fsys, f.name) }
func (f zipFile) Open() (io.ReadCloser, error) { return f.fsys.Open(f.name) }
