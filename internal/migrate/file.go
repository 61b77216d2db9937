package migrate

import (
	"bytes"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// A file is one Go file on its way through the rewrites.
type file struct {
	name string // as reported
	src  []byte
	tree *ast.File
	fset *token.FileSet
	pkg  *pkg
	opts Options

	imports []*importSpec
	refs    []*ref
	parents map[ast.Node]ast.Node

	edits   []edit.Edit
	added   []addedImport
	reports []Report
	sites   []Site
	today   bool // uses what the draft of the balancer API did not have
}

// An importSpec is an import of a package of grpc's or ours, and its uses.
type importSpec struct {
	decl *ast.GenDecl
	spec *ast.ImportSpec
	path string // without the prefix of a vendor directory
	name string // by which the file calls it; "." and "_" as written
	refs int    // uses
	kept int    // uses that stay

	moved bool // its path is rewritten
}

// A ref is a selector expression on an imported package.
type ref struct {
	sel  *ast.SelectorExpr
	from *importSpec
	done bool // rewritten
}

func (r *ref) is(path string, names ...string) bool {
	if r == nil || r.from.path != path {
		return false
	}
	for _, n := range names {
		if r.sel.Sel.Name == n {
			return true
		}
	}
	return false
}

// Result is what became of one file.
type Result struct {
	Name      string   `json:"file"`
	Sites     int      `json:"sites"` // rewritten
	Generated bool     `json:"generated,omitempty"`
	Old       []byte   `json:"-"` // nil for a new file
	New       []byte   `json:"-"` // the same slice as Old when nothing applies
	Reports   []Report `json:"-"`
	sites     []Site
	imports   []string // those of the result, of grpc or ours
}

// A Site is a place that is rewritten.
type Site struct {
	Line, Column int
	Name         string // as the file has it: "grpc.Balancer", an import path
}

// Changed says whether anything applies.
func (r *Result) Changed() bool { return !bytes.Equal(r.Old, r.New) }

var rewrites = []func(*file){
	importNaming,
	importMoved,
	importDraft,
	toAdapter,
	toConnectivity,
	toNaming,
	dropHandshake,
	addIdleTimeout,
	keepBalancerName,
	renameOptions,
	rewriteTargets,
	dropAddressTypes,
	parseServiceConfigs,
	returnErrors,
	embedSubConns,
	rewriteParentIDs,
	rewriteManual,
	splitAttributes,
	splitMetadata,
	rewriteCredentials,
	reportGone,
	reportServiceConfig,
	reportArticleCopies,
}

// concerns says whether the rewrites can have anything to do with src.
func concerns(src []byte) bool {
	return bytes.Contains(src, []byte(grpcPath)) || bytes.Contains(src, []byte(Module))
}

// rewrite is [pkg.rewrite] of a file that is a package by itself.
func rewrite(name string, src []byte, opts Options) (*Result, error) {
	if !concerns(src) {
		return &Result{Name: name, Old: src, New: src}, nil
	}
	p := newPkg()
	tree, err := p.parse(name, src)
	if err != nil {
		return &Result{Name: name, Old: src, New: src}, err
	}
	p.add(name, src, tree)
	p.check()
	return p.rewrite(name, opts)
}

// rewrite runs all rewrites over a file. An error means that what it would
// become does not parse.
func (p *pkg) rewrite(name string, opts Options) (*Result, error) {
	f := p.files[name]
	f.opts = opts
	res := &Result{Name: name, Old: f.src, New: f.src}
	if !p.concerned(f) {
		return res, nil
	}
	for _, r := range rewrites {
		r(f)
	}
	f.editImports()
	if len(f.edits) > 0 {
		out, err := edit.Apply(f.src, f.edits)
		if err != nil {
			return res, err
		}
		if _, err := parser.ParseFile(token.NewFileSet(), name, out, parser.SkipObjectResolution); err != nil {
			return res, errors.New("its rewritten form would not parse, a fault of grpcnaming migrate: " + err.Error())
		}
		res.New = edit.Reformat(f.src, out)
		res.Sites, res.sites = len(f.sites), f.sites
		f.noteGenerated(res)
	}
	res.Reports = f.reports
	for _, i := range f.imports {
		res.imports = append(res.imports, i.path)
	}
	for _, a := range f.added {
		res.imports = append(res.imports, a.path)
	}
	return res, nil
}

func newFile(p *pkg, name string, src []byte, tree *ast.File) *file {
	f := &file{name: name, src: src, tree: tree, fset: p.fset, pkg: p, parents: make(map[ast.Node]ast.Node)}
	for _, d := range f.tree.Decls {
		if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.IMPORT {
			for _, s := range g.Specs {
				f.addImport(g, s.(*ast.ImportSpec))
			}
		}
	}
	byName := make(map[string]*importSpec)
	for _, i := range f.imports {
		byName[i.name] = i
	}
	var stack []ast.Node
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			f.parents[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if x, ok := sel.X.(*ast.Ident); ok && x.Obj == nil && byName[x.Name] != nil {
				f.refs = append(f.refs, &ref{sel: sel, from: byName[x.Name]})
				byName[x.Name].refs++
			}
		}
		return true
	})
	for _, i := range f.imports {
		i.kept = i.refs
	}
	return f
}

func (f *file) addImport(g *ast.GenDecl, s *ast.ImportSpec) {
	path, err := strconv.Unquote(s.Path.Value)
	if err != nil {
		return
	}
	i := &importSpec{decl: g, spec: s, path: path}
	if _, after, ok := cutLast(path, "/vendor/"); ok && within(after, grpcPath) {
		i.path = after
	}
	if !within(i.path, grpcPath) && !within(i.path, Module) {
		return
	}
	i.name = i.path[strings.LastIndex(i.path, "/")+1:]
	if s.Name != nil {
		i.name = s.Name.Name
	}
	f.imports = append(f.imports, i)
}

// within says whether an import path is root or below it.
func within(path, root string) bool { return path == root || strings.HasPrefix(path, root+"/") }

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func (f *file) offset(p token.Pos) int { return f.fset.File(f.tree.FileStart).Offset(p) }

// replace records that the bytes of a node become text.
func (f *file) replace(from, to token.Pos, text string) {
	f.edits = append(f.edits, edit.Edit{Start: f.offset(from), End: f.offset(to), Text: text})
}

// cut is [edit.Cut].
func (f *file) cut(start, end int, sep token.Token) (found bool) {
	edits, found := edit.Cut(f.src, start, end, sep)
	f.edits = append(f.edits, edits...)
	return found
}

// moveTo makes r a selector on the package that the file calls name.
func (f *file) moveTo(r *ref, path, base, sel string) {
	f.replace(r.sel.X.Pos(), r.sel.X.End(), f.nameFor(r, path, base))
	if sel != r.sel.Sel.Name {
		f.replace(r.sel.Sel.Pos(), r.sel.Sel.End(), sel)
	}
	f.site(r.sel, f.text(r.sel))
	f.leave(r)
}

// rename makes r another name of the same package.
func (f *file) rename(r *ref, to string) {
	f.replace(r.sel.Sel.Pos(), r.sel.Sel.End(), to)
	f.site(r.sel, f.text(r.sel))
	r.done = true
}

// moveImport lets the file import another package under the same name.
func (f *file) moveImport(i *importSpec, to string) {
	text := strconv.Quote(to)
	if i.spec.Name == nil && i.name != to[strings.LastIndex(to, "/")+1:] {
		text = i.name + " " + text
	}
	f.replace(i.spec.Path.Pos(), i.spec.Path.End(), text)
	i.moved, i.path = true, to
}

// site counts n as rewritten.
func (f *file) site(n ast.Node, name string) {
	p := f.fset.PositionFor(n.Pos(), false)
	f.sites = append(f.sites, Site{p.Line, p.Column, name})
}

// leave counts r as a use of its package no more.
func (f *file) leave(r *ref) {
	if !r.done {
		r.done = true
		r.from.kept--
	}
}

func (f *file) report(at token.Pos, link, reason, write string) {
	p := f.fset.PositionFor(at, false)
	f.reports = append(f.reports, Report{File: f.name, Line: p.Line, Column: p.Column, Reason: reason, Write: write, Link: link})
}

// refOf is the ref that e is, or is a call of; nil for none.
func (f *file) refOf(e ast.Expr) *ref {
	e = ast.Unparen(e)
	if c, ok := e.(*ast.CallExpr); ok {
		e = ast.Unparen(c.Fun)
	}
	for _, r := range f.refs {
		if r.sel == e {
			return r
		}
	}
	return nil
}

// around is the top-level declaration that n is in: a function, mostly.
func (f *file) around(n ast.Node) ast.Node {
	for f.parents[n] != nil && f.parents[n] != f.tree {
		n = f.parents[n]
	}
	return n
}
