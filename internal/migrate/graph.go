package migrate

import (
	"os"
	"path/filepath"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// requiredBelow returns the version of path that the requirements of go.mod
// lead to through others, or "": the highest that any of them asks for, as the
// go command selects it. It reads the go.mod files that the module cache has.
func (m *goMod) requiredBelow(path string) (version string) {
	seen := make(map[module.Version]bool)
	var todo []module.Version
	for _, r := range m.file.Require {
		todo = append(todo, r.Mod)
	}
	for len(todo) > 0 {
		mod := todo[0]
		todo = todo[1:]
		if seen[mod] {
			continue
		}
		seen[mod] = true
		for _, r := range cachedRequirements(mod) {
			if r.Mod.Path == path && semver.Compare(r.Mod.Version, version) > 0 {
				version = r.Mod.Version
			}
			todo = append(todo, r.Mod)
		}
	}
	return version
}

func cachedRequirements(mod module.Version) []*modfile.Require {
	p, err1 := module.EscapePath(mod.Path)
	v, err2 := module.EscapeVersion(mod.Version)
	if err1 != nil || err2 != nil {
		return nil
	}
	name := filepath.Join(moduleCache(), "cache", "download", p, "@v", v+".mod")
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	f, err := modfile.ParseLax(name, data, nil)
	if err != nil {
		return nil
	}
	return f.Require
}
