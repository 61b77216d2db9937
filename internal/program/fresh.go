package program

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"github.com/grpcnaming/grpcnaming/internal/gopathcode"
	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// newGoMod begins the go.mod of code from before Go modules.
func (p *plan) newGoMod(ctx context.Context) ([]byte, error) {
	tree, err := gopathcode.Read(p.root)
	if err != nil {
		return nil, err
	}
	if p.opts.Module != "" {
		tree.Path, tree.From = p.opts.Module, "-module"
	}
	if tree.Path == "" {
		return nil, fmt.Errorf("there is none, and nothing says the module's path: give it by -module PATH, or see to your own code alone by -deps=false")
	}
	p.tree, p.mod.Path, p.mod.PathFrom = tree, tree.Path, tree.From
	f := new(modfile.File)
	if err := errors.Join(f.AddModuleStmt(tree.Path), f.AddGoStmt(noGo)); err != nil {
		return nil, err
	}
	return f.Format()
}

// pinLocked requires what the code was last built with, as the file of the tool
// that saw to that says: the commit or, where that cannot be had any more, its
// tag. What cannot be had at either is left to the go command, which takes the
// newest.
func (p *plan) pinLocked(ctx context.Context) error {
	commits, tags := make(map[string]string), make(map[string]string) // by module
	p.unlocked = make(map[string]string)
	for _, l := range p.tree.Locked {
		switch root := repository(l.Path); {
		case within(root, p.mod.Path) || root == grpcPath || commits[root]+tags[root]+p.unlocked[root] != "":
		case l.Source != "":
			p.unlocked[root] = root + " (from " + l.Source + ")"
		case l.Revision == "":
			tags[root] = l.Version
		default:
			commits[root] = l.Revision
			if l.Version != "" {
				tags[root] = l.Version
			}
		}
	}
	had, err := p.versionsAt(ctx, commits)
	if err != nil {
		return err
	}
	for path := range had {
		delete(tags, path)
	}
	tagged, err := p.versionsAt(ctx, tags)
	if err != nil {
		return err
	}
	maps.Copy(had, tagged)
	for path := range commits {
		if had[path] == "" {
			p.unlocked[path] = path
		}
	}
	for path := range tags {
		if had[path] == "" {
			p.unlocked[path] = path
		}
	}
	_, err = p.edit(func(g *goMod) {
		for _, path := range sortedKeys(had) {
			g.require(path, had[path], false)
		}
	})
	return err
}

// versionsAt returns the versions of modules at commits or tags, as far as they
// can be had.
func (ws *workshop) versionsAt(ctx context.Context, at map[string]string) (versions map[string]string, err error) {
	versions = make(map[string]string)
	if len(at) == 0 {
		return versions, nil
	}
	args := []string{"list", "-mod=mod", "-e", "-m", "-json"}
	for _, path := range sortedKeys(at) {
		args = append(args, path+"@"+at[path])
	}
	out, err := ws.query(ctx, args...)
	if err != nil {
		return nil, err
	}
	mods, err := modules(out)
	for _, m := range mods {
		if m.Error == nil && strings.HasPrefix(m.Version, "v") {
			versions[m.Path] = m.Version
		}
	}
	return versions, err
}

// noteUnlocked says what go.mod requires in another version than was locked.
func (p *plan) noteUnlocked() error {
	g, err := p.goMod()
	if err != nil {
		return err
	}
	var left []string
	for _, path := range sortedKeys(p.unlocked) {
		if slices.ContainsFunc(g.file.Require, func(r *modfile.Require) bool { return within(r.Mod.Path, path) }) {
			left = append(left, p.unlocked[path])
		}
	}
	if len(left) > 0 {
		p.reports = append(p.reports, migrate.Report{File: path.Join(p.mod.Dir, p.tree.Lock), Line: 1, Column: 1, Note: true, Link: migrate.LinkDependencies,
			Reason: "these cannot be had at the commit that it names: " + strings.Join(left, ", "),
			Write:  "see which version go.mod has of them now"})
	}
	return nil
}

// repository is the path of the repository that a package is in, where that
// can be told from the path alone.
func repository(pkg string) string {
	n := 0
	switch host, _, _ := strings.Cut(pkg, "/"); host {
	case "github.com", "bitbucket.org", "gitlab.com", "golang.org", "go.googlesource.com":
		n = 3
	case "google.golang.org", "k8s.io", "sigs.k8s.io", "go.uber.org", "cloud.google.com":
		n = 2
	case "gopkg.in":
		n = 3 // gopkg.in/user/name.v1
		if parts := strings.Split(pkg, "/"); len(parts) > 1 && strings.Contains(parts[1], ".v") {
			n = 2
		}
	}
	parts := strings.Split(pkg, "/")
	if n == 0 || n > len(parts) {
		return pkg
	}
	return strings.Join(parts[:n], "/")
}
