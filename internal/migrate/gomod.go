package migrate

import (
	"errors"
	"fmt"
	"go/version"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

// What this module's go.mod asks for, and where google.golang.org/genproto
// stopped having the packages that its nested modules have: an older one makes
// imports of google.golang.org/genproto/googleapis/rpc ambiguous.
const (
	needGo        = "1.25.0"
	needGRPC      = "v1.63.3"
	genprotoPath  = "google.golang.org/genproto"
	genprotoSplit = "v0.0.0-20230525234025-438c736192d0"
	needGenproto  = "v0.0.0-20230530153820-e85fd2cbaebc"
)

func (o Options) check() error {
	if o.Replace == "" {
		if o.Dropin {
			return errors.New("-dropin needs -replace DIR, a checkout of " + Module + ", as its path is not published yet")
		}
		return nil
	}
	data, err := os.ReadFile(filepath.Join(o.Replace, "go.mod"))
	if err == nil && modfile.ModulePath(data) != Module {
		err = errors.New("its go.mod is of another module")
	}
	if err != nil {
		return fmt.Errorf("-replace %s is no checkout of %s: %w", o.Replace, Module, err)
	}
	return nil
}

// goMod edits one go.mod.
type goMod struct {
	path    string
	file    *modfile.File
	opts    Options
	reports []Report
}

func (m *goMod) report(line *modfile.Line, note bool, reason, write string) {
	r := Report{File: m.path, Line: 1, Column: 1, Reason: reason, Write: write, Link: linkCommand, Note: note}
	if line != nil {
		r.Line, r.Column = line.Start.Line, line.Start.LineRune
	}
	m.reports = append(m.reports, r)
}

func (m *goMod) edit() {
	m.raiseGo()
	m.raise(grpcPath, needGRPC, needGRPC, true)
	m.raise(genprotoPath, genprotoSplit, needGenproto, false)
	if m.required(genprotoPath) == nil {
		if v := m.requiredBelow(genprotoPath); v != "" && semver.Compare(v, genprotoSplit) < 0 {
			m.file.AddNewRequire(genprotoPath, needGenproto, true)
		}
	}
	if m.required(Module) == nil {
		m.file.AddNewRequire(Module, "v0.0.0", false)
	}
	if m.opts.Replace == "" {
		return
	}
	dir := m.relative(m.opts.Replace)
	m.replace(Module, dir)
	if m.opts.Dropin {
		m.replace(grpcNamingPath, dir+"/naming/dropin")
		if m.required(grpcNamingPath) == nil {
			m.file.AddNewRequire(grpcNamingPath, "v0.0.0", true)
		}
	}
}

func (m *goMod) raiseGo() {
	was := "1.16" // what the go command takes for none
	if m.file.Go != nil {
		was = m.file.Go.Version
	}
	if version.Compare("go"+was, "go"+needGo) >= 0 {
		return
	}
	var line *modfile.Line
	if m.file.Go != nil {
		line = m.file.Go.Syntax
	}
	if version.Compare("go"+was, "go1.22") < 0 {
		m.report(line, true, "Go "+was+" becomes "+needGo+", and since 1.22 each iteration of a loop has its own variables",
			"see to loops whose variables outlive an iteration")
	}
	m.file.AddGoStmt(needGo)
	if t := m.file.Toolchain; t != nil && version.Compare(t.Name, "go"+needGo) < 0 {
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

// raise requires path at version to if it is below min, or not required and
// add is set, and takes out what would hold it back.
func (m *goMod) raise(path, min, to string, add bool) {
	switch r := m.required(path); {
	case r == nil && add:
		m.file.AddNewRequire(path, to, false)
	case r != nil && semver.Compare(r.Mod.Version, min) < 0:
		m.file.AddRequire(path, to)
	}
	for _, r := range m.file.Replace {
		switch {
		case r.Old.Path != path:
		case r.New.Path == path && semver.Compare(r.New.Version, min) < 0:
			m.report(r.Syntax, true, fmt.Sprintf("the replace directive that holds %s at %s goes", path, r.New.Version), "go mod tidy says whether something still needs it")
			m.file.DropReplace(r.Old.Path, r.Old.Version)
		case r.New.Path != path:
			m.report(r.Syntax, false, path+" is replaced by "+r.New.Path, "see to it that it is "+min+" or newer")
		}
	}
}

// replace adds a directive unless there is one for path.
func (m *goMod) replace(path, dir string) {
	for _, r := range m.file.Replace {
		if r.Old.Path == path {
			return
		}
	}
	m.file.AddReplace(path, "", dir, "")
}

func (m *goMod) replaced(path string) bool {
	for _, r := range m.file.Replace {
		if r.Old.Path == path {
			return true
		}
	}
	return false
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
