package modernize

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// forgetVendor makes the go command look for packages where it found them, as a
// rewrite may need one of grpc's that vendor does not have yet.
func (p *program) forgetVendor() error {
	out, err := goEnv(p.ctx, p.dir, "GOMOD", "GOWORK")
	if err != nil {
		return err
	}
	for _, file := range out {
		if file = strings.TrimSpace(file); file == "" || file == os.DevNull || file == "off" {
			continue
		}
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "vendor", "modules.txt")); err == nil {
			p.flags = []string{"-mod=readonly"}
		}
	}
	return nil
}

func goEnv(ctx context.Context, dir string, names ...string) ([]string, error) {
	c := exec.CommandContext(ctx, "go", append([]string{"env"}, names...)...)
	c.Dir = dir
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("the go command is needed to load packages: go env: %w", err)
	}
	return strings.Split(string(out), "\n"), nil
}

// load reads the packages as they are now, their tests included.
func (p *program) load() ([]*packages.Package, error) {
	overlay := make(map[string][]byte)
	for name, t := range p.texts {
		overlay[name] = t.now
	}
	pkgs, err := packages.Load(&packages.Config{
		Context:    p.ctx,
		Dir:        p.dir,
		BuildFlags: p.flags,
		Tests:      true,
		Overlay:    overlay,
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports | packages.NeedModule |
			packages.NeedExportFile | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes,
	}, p.patterns...)
	switch {
	case p.ctx.Err() != nil:
		return nil, p.ctx.Err()
	case err != nil:
		return nil, err
	case len(pkgs) == 0:
		return nil, fmt.Errorf("%s: there are no packages", strings.Join(p.patterns, " "))
	}
	for _, pkg := range pkgs {
		if err := own(pkg); err != nil {
			return nil, err
		}
	}
	return pkgs, nil
}

// own says why a package cannot be rewritten: it is none, or is other people's.
func own(pkg *packages.Package) error {
	switch {
	case pkg.Module != nil && !pkg.Module.Main:
		return fmt.Errorf("%s is of module %s, which the go command takes as it is; run this where that module is", pkg.PkgPath, pkg.Module.Path)
	case len(pkg.GoFiles)+len(pkg.IgnoredFiles) == 0 && len(pkg.Errors) > 0 && pkg.Errors[0].Kind == packages.ListError:
		return errors.New(pkg.Errors[0].Msg)
	}
	return nil
}

// broken returns what does not compile, in the packages or in what they import. What
// the compiler complains about is not said again if the type checker has said it, which
// has the places as they are.
func broken(pkgs []*packages.Package) (errs []string) {
	for _, kind := range []packages.ErrorKind{packages.ParseError, packages.TypeError, packages.ListError, packages.UnknownError} {
		checked := len(errs) > 0
		packages.Visit(pkgs, nil, func(pkg *packages.Package) {
			for _, e := range pkg.Errors {
				text, compiler := e.Error(), strings.HasPrefix(e.Msg, "# ")
				if e.Pos == "" || e.Pos == "-" {
					text = e.Msg
				}
				if e.Kind == kind && !slices.Contains(errs, text) && !(compiler && checked) {
					errs = append(errs, text)
				}
			}
		})
	}
	for _, pkg := range pkgs {
		if pkg.IllTyped && len(errs) == 0 {
			errs = append(errs, pkg.PkgPath+" imports a package that does not compile")
		}
	}
	return errs
}

// count returns how many packages there are, without what is made for their tests.
func count(pkgs []*packages.Package) int {
	paths := make(map[string]bool)
	for _, pkg := range pkgs {
		if !strings.HasSuffix(pkg.ID, ".test") {
			paths[strings.TrimSuffix(pkg.PkgPath, "_test")] = true
		}
	}
	return len(paths)
}

// roots returns the directories of the modules that the packages are in.
func roots(pkgs []*packages.Package) (dirs []string) {
	for _, pkg := range pkgs {
		if pkg.Module != nil && pkg.Module.Dir != "" && !slices.Contains(dirs, pkg.Module.Dir) {
			dirs = append(dirs, pkg.Module.Dir)
		}
	}
	slices.Sort(dirs)
	return dirs
}
