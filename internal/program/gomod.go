package program

import (
	"errors"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

const (
	grpcPath = "google.golang.org/grpc"

	// What this module's go.mod asks for.
	needGo   = "1.25.0"
	needGRPC = "v1.63.3"

	// What the go command takes a go.mod to be of that does not say.
	noGo = "1.16"
)

const unpublished = migrate.Module + ", which is not published yet: name a checkout of it by -replace DIR"

// checkReplace says whether dir is a checkout of this module.
func checkReplace(dir string) error {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err == nil && modfile.ModulePath(data) != migrate.Module {
		err = errors.New("its go.mod is of another module")
	}
	if err != nil {
		return fmt.Errorf("-replace %s is no checkout of %s: %w", dir, migrate.Module, err)
	}
	return nil
}

// A goMod is a go.mod that is edited.
type goMod struct {
	path    string // as reported
	file    *modfile.File
	reports []migrate.Report
}

func parseGoMod(path string, data []byte) (*goMod, error) {
	file, err := modfile.Parse(path, data, nil)
	if err != nil {
		return nil, err
	}
	if file.Module == nil {
		return nil, errors.New("it names no module")
	}
	return &goMod{path: path, file: file}, nil
}

func (m *goMod) format() []byte {
	m.file.Cleanup()
	return modfile.Format(m.file.Syntax)
}

func (m *goMod) report(line *modfile.Line, note bool, reason, write string) {
	r := migrate.Report{File: m.path, Line: 1, Column: 1, Reason: reason, Write: write, Link: migrate.LinkCommand, Note: note}
	if line != nil {
		r.Line, r.Column = line.Start.Line, line.Start.LineRune
	}
	m.reports = append(m.reports, r)
}

// raiseGRPC requires grpc-go at version or newer, and the Go that it asks for.
func (m *goMod) raiseGRPC(version, goVersion string) {
	m.raiseGo(goVersion)
	m.raise(grpcPath, version)
}

func (m *goMod) raiseGo(to string) {
	was := noGo
	if m.file.Go != nil {
		was = m.file.Go.Version
	}
	if version.Compare("go"+was, "go"+to) >= 0 {
		return
	}
	var line *modfile.Line
	if m.file.Go != nil {
		line = m.file.Go.Syntax
	}
	if version.Compare("go"+was, "go1.22") < 0 {
		m.report(line, true, "Go "+was+" becomes "+to+", and since 1.22 each iteration of a loop has its own variables",
			"see to loops whose variables outlive an iteration")
	}
	m.file.AddGoStmt(to)
	if t := m.file.Toolchain; t != nil && version.Compare(t.Name, "go"+to) < 0 {
		m.file.DropToolchainStmt()
	}
}

func (m *goMod) required(path string) *modfile.Require {
	for _, r := range m.file.Require {
		if r.Mod.Path == path {
			return r
		}
	}
	return nil
}

// raise requires path at version or newer, and takes out what would hold it
// back.
func (m *goMod) raise(path, version string) {
	m.require(path, version, false)
	for _, r := range m.file.Replace {
		switch {
		case r.Old.Path != path:
		case r.New.Path == path && semver.Compare(r.New.Version, version) < 0:
			m.report(r.Syntax, true, fmt.Sprintf("the replace directive that holds %s at %s goes", path, r.New.Version), "go mod tidy says whether something still needs it")
			m.file.DropReplace(r.Old.Path, r.Old.Version)
		case r.New.Path != path:
			m.report(r.Syntax, false, path+" is replaced by "+r.New.Path, "see to it that it is "+version+" or newer")
		}
	}
	for _, x := range m.file.Exclude {
		if x.Mod.Path == path && x.Mod.Version == version {
			m.report(x.Syntax, true, fmt.Sprintf("the exclude directive for %s %s goes", path, version), "see to it that the reason for it is gone")
			m.file.DropExclude(path, version)
		}
	}
}

// require sees to it that path is required at version or newer.
func (m *goMod) require(path, version string, indirect bool) {
	switch r := m.required(path); {
	case r == nil:
		m.file.AddNewRequire(path, version, indirect)
	case semver.Compare(r.Mod.Version, version) < 0:
		m.file.AddRequire(path, version)
	}
}

// useModule requires this module, and replaces it by a checkout unless it is
// replaced or dir is empty.
func (m *goMod) useModule(dir string) {
	m.require(migrate.Module, "v0.0.0", false)
	m.replaceModule(dir)
}

func (m *goMod) replaceModule(dir string) {
	if dir != "" {
		m.replace(migrate.Module, m.relative(dir))
	}
}

// useDropin puts our module in the place of the removed package. That one's
// go.mod requires this module: a requirement here go mod tidy would take out
// again where only the test of a dependency needs it.
func (m *goMod) useDropin(dir string) {
	m.replaceModule(dir)
	m.require(migrate.Removed, "v0.0.0", true)
	m.replace(migrate.Removed, m.relative(dir)+"/naming/dropin")
}

// replace adds a directive unless there is one for path.
func (m *goMod) replace(path, dir string) {
	if m.replacement(path) == nil {
		m.file.AddReplace(path, "", dir, "")
	}
}

func (m *goMod) replacement(path string) *modfile.Replace {
	for _, r := range m.file.Replace {
		if r.Old.Path == path {
			return r
		}
	}
	return nil
}

// relative returns dir as a replace directive in this go.mod has it.
func (m *goMod) relative(dir string) string {
	if filepath.IsAbs(dir) {
		return filepath.ToSlash(dir)
	}
	here, err1 := filepath.Abs(filepath.Dir(m.path))
	abs, err2 := filepath.Abs(dir)
	rel, err3 := filepath.Rel(here, abs)
	if errors.Join(err1, err2, err3) != nil {
		return filepath.ToSlash(dir)
	}
	if rel = filepath.ToSlash(rel); !strings.HasPrefix(rel, "../") && rel != ".." {
		rel = "./" + rel
	}
	return rel
}
