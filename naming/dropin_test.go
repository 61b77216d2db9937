package naming

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"maps"
	"slices"
	"strings"
	"testing"
)

const ourPath = "github.com/grpcnaming/grpcnaming/naming"

// Module dropin must have all that this package has, nothing of its own, and a way out.
func TestDropinIsAliases(t *testing.T) {
	ours := exports(nonTestFiles(t))
	t.Chdir("dropin")
	files := nonTestFiles(t)
	dropins := exports(files)

	for name, f := range files {
		for _, spec := range f.Imports {
			if path := spec.Path.Value; path != `"time"` && path != `"`+ourPath+`"` || spec.Name != nil {
				t.Errorf("dropin/%s imports %s", name, path)
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(dropins)) {
		d := dropins[name]
		if _, ok := ours[name]; !ok {
			t.Errorf("dropin has %s, package naming has not", name)
		}
		if !d.alias {
			t.Errorf("dropin: %s is no alias of naming.%s, nor a function that calls it and nothing else", name, name)
		}
		if !d.inline {
			t.Errorf("dropin: %s has no //go:fix inline", name)
		}
		if want := "Deprecated: use " + ourPath + "." + name + ".\n"; d.doc != want {
			t.Errorf("dropin: the comment of %s is %q, want %q", name, d.doc, want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ours)) {
		if d, ok := dropins[name]; !ok {
			t.Errorf("dropin lacks %s", name)
		} else if d.kind != ours[name].kind {
			t.Errorf("dropin: %s is a %s, want a %s", name, d.kind, ours[name].kind)
		}
	}
}

type export struct {
	kind   string // as in the source: "type", "const", "var" or the type of a func
	doc    string
	inline bool // go fix puts what it stands for in its place
	alias  bool
}

func exports(files map[string]*ast.File) map[string]export {
	all := map[string]export{}
	add := func(id *ast.Ident, kind string, doc *ast.CommentGroup, alias bool) {
		if id.IsExported() {
			inline := doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return c.Text == "//go:fix inline" })
			all[id.Name] = export{kind, doc.Text(), inline, alias}
		}
	}
	for _, f := range files {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					add(d.Name, types.ExprString(d.Type), d.Doc, forwards(d))
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						add(s.Name, "type", d.Doc, s.Assign.IsValid() && types.ExprString(s.Type) == "naming."+s.Name.Name)
					case *ast.ValueSpec:
						for i, id := range s.Names {
							same := i < len(s.Values) && types.ExprString(s.Values[i]) == "naming."+id.Name
							add(id, d.Tok.String(), s.Doc, d.Tok == token.CONST && s.Type == nil && same)
						}
					}
				}
			}
		}
	}
	return all
}

// forwards reports whether all that f does is return naming.f(its parameters).
func forwards(f *ast.FuncDecl) bool {
	var params []string
	for _, field := range f.Type.Params.List {
		for _, id := range field.Names {
			params = append(params, id.Name)
		}
	}
	if len(f.Body.List) != 1 {
		return false
	}
	ret, ok := f.Body.List[0].(*ast.ReturnStmt)
	return ok && len(ret.Results) == 1 &&
		types.ExprString(ret.Results[0]) == fmt.Sprintf("naming.%s(%s)", f.Name.Name, strings.Join(params, ", "))
}
