package migrate

import (
	_ "embed"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"sync"

	"golang.org/x/tools/txtar"
)

//go:embed legacyapi.txtar
var legacyText []byte

// legacyAPI is what legacyapi.txtar declares.
type legacyAPI struct {
	packages map[string]*types.Package // by import path
	// members has "resolver.Target.Scheme" for a field, and the same for a method.
	members map[types.Object]string
}

var legacy = sync.OnceValue(func() *legacyAPI {
	api := &legacyAPI{make(map[string]*types.Package), make(map[types.Object]string)}
	sources := make(map[string]string)
	archive := txtar.Parse(legacyText)
	for _, f := range archive.Files {
		sources[f.Name] = string(f.Data)
	}
	var load importerFunc
	load = func(path string) (*types.Package, error) {
		if api.packages[path] == nil && sources[path] != "" {
			fset := token.NewFileSet()
			tree, err := parser.ParseFile(fset, path, sources[path], parser.SkipObjectResolution)
			if err != nil {
				return nil, err
			}
			// Functions without a body are errors, and do no harm.
			api.packages[path], _ = lenient(load).Check(path, fset, []*ast.File{tree}, nil)
		}
		return api.packages[path], nil
	}
	for _, f := range archive.Files {
		if _, err := load(f.Name); err != nil {
			panic(err) // a fault of legacyapi.txtar, seen by every test
		}
	}
	for _, p := range api.packages {
		for _, name := range p.Scope().Names() {
			if t, ok := p.Scope().Lookup(name).(*types.TypeName); ok && !t.IsAlias() {
				api.addMembers(p.Name()+"."+name, t.Type().(*types.Named))
			}
		}
	}
	return api
})

func (api *legacyAPI) addMembers(name string, t *types.Named) {
	for i := range t.NumMethods() {
		api.members[t.Method(i)] = name + "." + t.Method(i).Name()
	}
	switch u := t.Underlying().(type) {
	case *types.Struct:
		for i := range u.NumFields() {
			api.members[u.Field(i)] = name + "." + u.Field(i).Name()
		}
	case *types.Interface:
		for i := range u.NumExplicitMethods() {
			api.members[u.ExplicitMethod(i)] = name + "." + u.ExplicitMethod(i).Name()
		}
	}
}

// Import gives what a file imports its old API. All other packages cannot be
// had, and what comes from them has no type.
func (api *legacyAPI) Import(path string) (*types.Package, error) {
	if _, after, ok := cutLast(path, "/vendor/"); ok {
		path = after
	}
	switch {
	case path == "golang.org/x/net/context":
		path = "context"
	case within(path, draftBalancerPath):
		path = balancerPath + strings.TrimPrefix(path, draftBalancerPath)
	}
	if p := api.packages[path]; p != nil {
		return p, nil
	}
	return nil, errors.New("not looked at")
}

type importerFunc func(path string) (*types.Package, error)

func (f importerFunc) Import(path string) (*types.Package, error) { return f(path) }

// lenient checks as much as it can.
func lenient(i types.Importer) *types.Config {
	return &types.Config{Importer: i, Error: func(error) {}, FakeImportC: true, DisableUnusedImportCheck: true}
}

// typeOf is the type of e if it follows from the old API and the package alone;
// nil if not.
func (f *file) typeOf(e ast.Expr) types.Type {
	if f.pkg.info == nil {
		return nil
	}
	t := f.pkg.info.TypeOf(e)
	if b, ok := t.(*types.Basic); ok && b.Kind() == types.Invalid {
		return nil
	}
	return t
}

// is says whether e has the type of the old API that name is, "resolver.Target",
// or points to one.
func (f *file) is(e ast.Expr, name string) bool {
	t := f.typeOf(e)
	if t == nil {
		return false
	}
	if p, ok := types.Unalias(t).(*types.Pointer); ok {
		t = p.Elem()
	}
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && legacy().packages[n.Obj().Pkg().Path()] == n.Obj().Pkg() &&
		n.Obj().Pkg().Name()+"."+n.Obj().Name() == name
}

// isString says whether e is known to be a string.
func (f *file) isString(e ast.Expr) bool {
	t := f.typeOf(e)
	if t == nil {
		return false
	}
	b, ok := t.Underlying().(*types.Basic)
	return ok && b.Info()&types.IsString != 0
}

// member is the field or the method of the old API that sel selects, as
// "resolver.Target.Scheme"; "" if it is none.
func (f *file) member(sel *ast.SelectorExpr) string {
	if f.pkg.info == nil {
		return ""
	}
	if s := f.pkg.info.Selections[sel]; s != nil {
		return legacy().members[s.Obj()]
	}
	return ""
}

// eachSelector calls do for every field or method of the old API that is used.
func (f *file) eachSelector(do func(sel *ast.SelectorExpr, member string)) {
	if f.pkg.info == nil {
		return
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok {
			if m := f.member(sel); m != "" {
				do(sel, m)
			}
		}
		return true
	})
}

// eachLiteral calls do for every composite literal of a type of the old API, or
// of a pointer to it.
func (f *file) eachLiteral(name string, do func(*ast.CompositeLit)) {
	if f.pkg.info == nil {
		return
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		if lit, ok := n.(*ast.CompositeLit); ok && f.is(lit, name) {
			do(lit)
		}
		return true
	})
}

// called says whether e is what a call calls.
func (f *file) called(e ast.Expr) (*ast.CallExpr, bool) {
	call, ok := f.parents[e].(*ast.CallExpr)
	return call, ok && call.Fun == e
}

// lookup is what name means at a place; nil if that is not known.
func (f *file) lookup(at token.Pos, name string) types.Object {
	scope := f.pkg.info.Scopes[f.tree].Innermost(at)
	if scope == nil {
		return nil
	}
	_, o := scope.LookupParent(name, at)
	return o
}
