package program

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/gopathcode"
	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// moduleRoots groups directories by the nearest one upwards with a go.mod.
func moduleRoots(dirs []string) (roots map[string][]string, loose []string) {
	known := make(map[string]string) // the root, by directory; "" for none
	roots = make(map[string][]string)
	for _, d := range dirs {
		if root := moduleRoot(d, known); root != "" {
			roots[root] = append(roots[root], d)
		} else {
			loose = append(loose, d)
		}
	}
	return roots, loose
}

func moduleRoot(dir string, known map[string]string) string {
	if root, ok := known[dir]; ok {
		return root
	}
	root := ""
	if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
		root = dir
	} else if abs, err := filepath.Abs(dir); err == nil && filepath.Dir(abs) != abs {
		up := filepath.Dir(dir)
		if up == dir || filepath.Base(dir) == ".." {
			up = filepath.Join(dir, "..")
		}
		root = moduleRoot(up, known)
	}
	known[dir] = root
	return root
}

// looseRoot is where the go.mod of directories without one has to be: the
// nearest directory upwards that looks like the root of a repository, or the
// deepest that all of dirs are in.
func looseRoot(dirs []string) string {
	common := commonDir(dirs)
	for dir := common; ; dir = filepath.Join(dir, "..") {
		for _, mark := range []string{".git", ".hg", "Gopkg.toml", "glide.yaml", "Godeps", filepath.Join("vendor", "vendor.json")} {
			if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
				return dir
			}
		}
		if abs, err := filepath.Abs(dir); err != nil || filepath.Dir(abs) == abs {
			return common
		}
	}
}

// commonDir is the deepest directory that all of dirs are in.
func commonDir(dirs []string) string {
	common := dirs[0]
	for _, d := range dirs[1:] {
		for common != "." && common != "/" && d != common && !strings.HasPrefix(d, common+string(filepath.Separator)) {
			common = filepath.Dir(common)
		}
	}
	return common
}

// ownAlone adds the go.mod files that own code needs, without a look at
// dependencies, and what to type next.
func (o *Outcome) ownAlone(own *migrate.Outcome, roots map[string][]string, loose []string, opts Options) {
	version := opts.GRPC
	if version == "" {
		version = needGRPC
	}
	for _, root := range sortedKeys(roots) {
		needy := slices.ContainsFunc(own.Needy, func(d string) bool { return slices.Contains(roots[root], d) })
		if !needy && !slices.ContainsFunc(own.Files, func(f *migrate.Result) bool { return slices.Contains(roots[root], filepath.Dir(f.Name)) }) {
			continue
		}
		path := filepath.Join(root, "go.mod")
		data, g, err := readGoMod(path)
		if err != nil {
			o.Reports = append(o.Reports, migrate.Broken(path, err))
			continue
		}
		if g == nil {
			continue
		}
		before := modfileBytes(g)
		g.raiseGRPC(version, needGo)
		if needy {
			g.useModule(opts.Replace)
		}
		o.Reports = append(o.Reports, g.reports...)
		changed := false
		if after := g.format(); !bytes.Equal(before, after) {
			changed = true
			o.Files = append(o.Files, &migrate.Result{Name: path, Old: data, New: after})
		}
		if needy && g.replacement(migrate.Module) == nil {
			o.Commands = append(o.Commands, in(root, "go mod edit -replace="+migrate.Module+"=DIR")+checkoutHint)
		}
		if changed {
			o.Commands = append(o.Commands, in(root, "go mod tidy"))
			if _, err := os.Stat(filepath.Join(root, "vendor", "modules.txt")); err == nil {
				o.Commands = append(o.Commands, in(root, "go mod vendor"))
			}
		}
	}
	if loose = slices.DeleteFunc(loose, func(d string) bool { return !slices.Contains(own.Needy, d) }); len(loose) > 0 {
		dir, path, replace, hint := looseRoot(loose), opts.Module, opts.Replace, ""
		if tree, err := gopathcode.Read(dir); path == "" && err == nil {
			path = tree.Path
		}
		if path == "" {
			path = "MODULE/PATH"
		}
		if replace == "" {
			replace, hint = "DIR", checkoutHint
		}
		o.Commands = append(o.Commands, in(dir, "go mod init "+path),
			in(dir, "go mod edit -go="+needGo+" -require="+grpcPath+"@"+version+" -require="+migrate.Module+"@v0.0.0 -replace="+migrate.Module+"="+replace)+hint,
			in(dir, "go mod tidy"))
	}
}

const checkoutHint = "   # DIR: a checkout, as the path is not published yet"

// readGoMod returns no goMod for a module that is not to be touched: this one,
// and grpc-go.
func readGoMod(path string) (data []byte, g *goMod, err error) {
	if data, err = os.ReadFile(path); err != nil {
		return nil, nil, err
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return nil, nil, fmt.Errorf("it is not a regular file")
	}
	if g, err = parseGoMod(path, data); err != nil {
		return nil, nil, err
	}
	if m := g.file.Module.Mod.Path; within(m, migrate.Module) || within(m, grpcPath) {
		return data, nil, nil
	}
	return data, g, nil
}

func in(dir, command string) string {
	if dir == "." {
		return command
	}
	return "cd " + dir + " && " + command
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// git runs git in dir.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	c := exec.CommandContext(ctx, "git", args...)
	c.Dir = dir
	out, err := c.Output()
	return string(out), err
}

// real is path without symbolic links, as the go command prints it.
func real(path string) string {
	if r, err := filepath.EvalSymlinks(path); err == nil {
		return r
	}
	return path
}
