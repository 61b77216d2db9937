package program

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// query runs the go command where no go.mod of the program's is in the way.
func (ws *workshop) query(ctx context.Context, args ...string) (string, error) {
	dir := filepath.Join(ws.stage.dir, "query")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module query\n"), 0o666); err != nil {
		return "", err
	}
	return ws.cmd.run(ctx, dir, args...)
}

// modules decodes what go list -m -json and go mod download -json print.
func modules(out string) (mods []*modInfo, err error) {
	d := json.NewDecoder(strings.NewReader(out))
	for {
		m := new(modInfo)
		if err := d.Decode(m); errors.Is(err, io.EOF) {
			return mods, nil
		} else if err != nil {
			return nil, err
		}
		mods = append(mods, m)
	}
}

// releases are the versions of a module that are tagged, in order; those that
// are no pre-releases, if there is any.
func (ws *workshop) releases(ctx context.Context, path string) ([]string, error) {
	if v, ok := ws.known[path]; ok {
		return v, nil
	}
	out, err := ws.query(ctx, "list", "-mod=mod", "-m", "-versions", "-json", path)
	var failed *goError
	if errors.As(err, &failed) && answered.MatchString(failed.text) {
		return nil, nil // a proxy that serves versions, but no list of them
	}
	if err != nil {
		return nil, err
	}
	mods, err := modules(out)
	if err != nil || len(mods) == 0 {
		return nil, err
	}
	all := mods[0].Versions
	final := slices.DeleteFunc(slices.Clone(all), func(v string) bool { return semver.Prerelease(v) != "" })
	if len(final) == 0 {
		final = all
	}
	ws.known[path] = final
	return final, nil
}

// above are those versions that are higher than v.
func above(versions []string, v string) []string {
	i, _ := slices.BinarySearchFunc(versions, v, semver.Compare)
	for i < len(versions) && semver.Compare(versions[i], v) == 0 {
		i++
	}
	return versions[i:]
}

// minors are the last of versions of each minor version.
func minors(versions []string) (last []string) {
	for _, v := range versions {
		if n := len(last); n > 0 && sameMinor(last[n-1], v) {
			last[n-1] = v
			continue
		}
		last = append(last, v)
	}
	return last
}

func sameMinor(a, b string) bool {
	return semver.MajorMinor(a) == semver.MajorMinor(b) && !module.IsPseudoVersion(b)
}

// candidates are the versions of a module above v that a search may take. Of a
// module without tags they are those that other modules of the program ask for
// in any of their own versions: that is where its history can be read.
func (p *plan) candidates(ctx context.Context, path, v string) ([]string, error) {
	tagged, err := p.releases(ctx, path)
	if err != nil {
		return nil, err
	}
	if higher := above(tagged, v); len(higher) > 0 {
		return higher, nil
	}
	asked, err := p.askedFor(ctx, path)
	if err != nil {
		return nil, err
	}
	if higher := above(asked, v); len(higher) > 0 {
		return higher, nil
	}
	guessed, err := p.guess(ctx, path)
	return above(guessed, v), err
}

// guess asks for versions that are not listed. A proxy need not list all that
// it serves, and some list what they have been asked for before.
func (ws *workshop) guess(ctx context.Context, path string) (served []string, err error) {
	if v, ok := ws.guessed[path]; ok {
		return v, nil
	}
	const minors = 40
	args := []string{"list", "-mod=mod", "-e", "-m", "-json"}
	for major := range 2 {
		for minor := range minors {
			args = append(args, fmt.Sprintf("%s@v%d.%d.0", path, major, minor))
		}
	}
	out, err := ws.query(ctx, args...)
	if err != nil {
		return nil, err
	}
	mods, err := modules(out)
	for _, m := range mods {
		if m.Error == nil && m.Version != "" {
			served = append(served, m.Version)
		}
	}
	slices.SortFunc(served, semver.Compare)
	ws.guessed[path] = served
	return served, err
}

const (
	askedModules  = 6  // whose versions are read
	askedVersions = 60 // of each
)

// askedFor reads the go.mod files of the versions of those modules that
// the program has packages of and that require path or a module below it.
func (p *plan) askedFor(ctx context.Context, path string) ([]string, error) {
	if v, ok := p.asked[path]; ok {
		return v, nil
	}
	out, err := p.goRun(ctx, "mod", "graph")
	if err != nil {
		return nil, err
	}
	used := make(map[string]bool)
	for _, k := range p.graph.pkgs {
		if k.Module != nil {
			used[k.Module.Path] = true
		}
	}
	found := make(map[string]bool)
	highest := make(map[string]string) // of the modules that ask, the highest version in the graph
	for line := range strings.Lines(out) {
		from, to, _ := strings.Cut(strings.TrimSpace(line), " ")
		toPath, toVersion, _ := strings.Cut(to, "@")
		if toPath == path {
			found[toVersion] = true
		}
		if fromPath, fromVersion, ok := strings.Cut(from, "@"); ok && used[fromPath] && within(toPath, path) && semver.Compare(fromVersion, highest[fromPath]) > 0 {
			highest[fromPath] = fromVersion
		}
	}
	// grpc-go itself first, as that is what is raised.
	asking := slices.SortedFunc(maps.Keys(highest), func(a, b string) int {
		if (a == grpcPath) != (b == grpcPath) {
			if a == grpcPath {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	for _, from := range asking[:min(len(asking), askedModules)] {
		tagged, err := p.releases(ctx, from)
		if err != nil {
			continue // a module that is replaced, or of the program's own
		}
		versions := minors(tagged)
		for len(versions) > askedVersions { // every other one
			versions = slices.DeleteFunc(versions, func(v string) bool { i := slices.Index(versions, v); return i%2 == 1 })
		}
		args := []string{"list", "-mod=mod", "-e", "-m", "-json"}
		for _, v := range versions {
			args = append(args, from+"@"+v)
		}
		if len(versions) == 0 {
			continue
		}
		out, err := p.query(ctx, args...)
		if err != nil {
			return nil, err
		}
		mods, err := modules(out)
		if err != nil {
			return nil, err
		}
		for _, m := range mods {
			data, err := os.ReadFile(m.GoMod)
			if err != nil {
				continue
			}
			if f, err := modfile.ParseLax(m.GoMod, data, nil); err == nil {
				for _, r := range f.Require {
					if r.Mod.Path == path {
						found[r.Mod.Version] = true
					}
				}
			}
		}
	}
	versions := slices.SortedFunc(maps.Keys(found), semver.Compare)
	p.asked[path] = versions
	return versions, nil
}

// lowest returns the first of versions, which are in order, that will do, or "".
// It takes it that what follows one that will do does too: it looks at the last
// first, at a few before it if that will not do, and halves what is left.
func lowest(versions []string, do func(version string) (bool, error)) (string, error) {
	const fromTheTop = 6
	hi := -1
	for i, tries := len(versions)-1, 0; i >= 0 && tries < fromTheTop; i-- {
		if i+1 < len(versions) && sameMinor(versions[i], versions[i+1]) {
			continue
		}
		tries++
		ok, err := do(versions[i])
		if err != nil {
			return "", err
		}
		if ok {
			hi = i
			break
		}
	}
	if hi < 0 {
		return "", nil
	}
	lo := -1
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		ok, err := do(versions[mid])
		if err != nil {
			return "", err
		}
		if ok {
			hi = mid
		} else {
			lo = mid
		}
	}
	return versions[hi], nil
}

// source downloads a module and returns its directory.
func (ws *workshop) source(ctx context.Context, path, version string) (dir string, err error) {
	at := path + "@" + version
	if dir := ws.sources[at]; dir != "" {
		return dir, nil
	}
	out, err := ws.query(ctx, "mod", "download", "-json", at)
	if err != nil {
		return "", err
	}
	mods, err := modules(out)
	if err != nil || len(mods) == 0 {
		return "", err
	}
	ws.sources[at] = mods[0].Dir
	return mods[0].Dir, nil
}
