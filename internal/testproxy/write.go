// Package testproxy serves made-up modules to the go command in tests: from
// txtar archives it writes a directory for GOPROXY=file://DIR.
package testproxy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// Write makes dir a proxy that serves the modules of the archives. Each is a
// txtar file with one version of one module. Its comment begins with
//
//	module PATH@VERSION
//
// and, if its files come on top of those of an archive that is named before
// it, goes on with
//
//	extends PATH@VERSION
//
// or, if the version is to be served and not listed, as some proxies do, with
//
//	unlisted
//
// What follows is for the reader.
//
// As on any proxy a module without a go.mod is served with one that says its
// path, and @v/list has no pseudo-versions: a module that has nothing else has
// the newest of them as @latest. A pseudo-version is served by its commit too,
// as lock files name it: the twelve digits that the version has, or these and
// zeros, to forty.
func Write(dir string, archives ...string) error {
	if len(archives) == 0 {
		return errors.New("testproxy: there are no archives to serve")
	}
	known := make(map[module.Version]*archive)
	for _, name := range archives {
		a, err := readArchive(name, known)
		if err == nil {
			err = a.write(dir)
		}
		if err != nil {
			return fmt.Errorf("testproxy: %s: %w", name, err)
		}
		known[a.Version] = a
	}
	versions, listed := make(map[string][]string), make(map[string][]string)
	for v, a := range known {
		versions[v.Path] = append(versions[v.Path], v.Version)
		if !a.unlisted && !module.IsPseudoVersion(v.Version) {
			listed[v.Path] = append(listed[v.Path], v.Version)
		}
	}
	for path, all := range versions {
		if err := writeList(dir, path, all, listed[path]); err != nil {
			return fmt.Errorf("testproxy: %s: %w", path, err)
		}
	}
	return nil
}

// write writes the three files that a version has, and those of its commit.
func (a *archive) write(dir string) error {
	version, err := module.EscapeVersion(a.Version.Version)
	if err != nil {
		return err
	}
	info, err := info(a.Version.Version)
	if err != nil {
		return err
	}
	var zip bytes.Buffer
	if err := a.zip(&zip); err != nil {
		return err
	}
	files := map[string][]byte{version + ".info": info, version + ".mod": a.goMod(), version + ".zip": zip.Bytes()}
	if module.IsPseudoVersion(a.Version.Version) {
		commit, err := module.PseudoVersionRev(a.Version.Version)
		if err != nil {
			return err
		}
		files[commit+".info"] = info
		files[commit+strings.Repeat("0", 40-len(commit))+".info"] = info
	}
	for name, content := range files {
		if err := writeFile(dir, a.Path, "@v/"+name, content); err != nil {
			return err
		}
	}
	return nil
}

func writeList(dir, path string, versions, listed []string) error {
	semver.Sort(versions)
	semver.Sort(listed)
	var list strings.Builder
	for _, v := range listed {
		fmt.Fprintln(&list, v)
	}
	if err := writeFile(dir, path, "@v/list", []byte(list.String())); err != nil || len(listed) > 0 {
		return err
	}
	latest, err := info(versions[len(versions)-1])
	if err != nil {
		return err
	}
	return writeFile(dir, path, "@latest", latest)
}

// tagged is the time of versions that do not say theirs.
var tagged = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)

func info(version string) ([]byte, error) {
	at := tagged
	if module.IsPseudoVersion(version) {
		var err error
		if at, err = module.PseudoVersionTime(version); err != nil {
			return nil, err
		}
	}
	return json.Marshal(struct {
		Version string
		Time    time.Time
	}{version, at})
}

// writeFile writes what the proxy serves at PATH/name.
func writeFile(dir, path, name string, content []byte) error {
	escaped, err := module.EscapePath(path)
	if err != nil {
		return err
	}
	file := filepath.Join(dir, filepath.FromSlash(escaped), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o666)
}
