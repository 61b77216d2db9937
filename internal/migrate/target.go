package migrate

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// rewriteTargets gives the fields that resolver.Target had the place that they
// have in its URL.
func rewriteTargets(f *file) {
	parses := f.parsesURLs()
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		name, ok := strings.CutPrefix(member, "resolver.Target.")
		if _, called := f.called(sel); !ok || called {
			return
		}
		to := map[string]string{"Scheme": "URL.Scheme", "Authority": "URL.Host", "Endpoint": "Endpoint()"}[name]
		switch {
		case name == "Endpoint" && f.written(sel):
			f.report(sel.Sel.Pos(), linkGone, "the field resolver.Target.Endpoint is gone, and this sets it", `set Target.URL.Path to "/" and the endpoint`)
			return
		case name == "Endpoint" && parses:
			f.replace(sel.Pos(), sel.Pos(), f.nameAt(sel.Pos(), "strings", "strings")+".TrimPrefix(")
			to = `URL.RequestURI(), "/")`
		case name == "Authority" && parses:
			f.report(sel.Sel.Pos(), linkGone, "what was resolver.Target.Authority is URL.Host, without a user and a password before the @", "take them from URL.User if targets have them")
			f.reports[len(f.reports)-1].Note = true
		}
		f.replace(sel.Sel.Pos(), sel.Sel.End(), to)
		f.site(sel, f.text(sel))
	})
	f.eachLiteral("resolver.Target", func(lit *ast.CompositeLit) {
		if len(lit.Elts) > 0 {
			f.rewriteTarget(lit)
		}
	})
}

// rewriteTarget puts the fields of a literal into a URL.
func (f *file) rewriteTarget(lit *ast.CompositeLit) {
	keys := []string{"Scheme", "Host", "Path"}
	was := []string{"Scheme", "Authority", "Endpoint"}
	type part struct {
		key, value ast.Expr // no key if the fields go by position
		to         string
	}
	var parts []part
	for i, e := range lit.Elts {
		kv, keyed := e.(*ast.KeyValueExpr)
		if !keyed && len(lit.Elts) != 3 {
			return
		}
		if !keyed {
			parts = append(parts, part{nil, e, keys[i]})
			continue
		}
		to := ""
		for i := range was {
			if f.text(kv.Key) == was[i] {
				to = keys[i]
			}
		}
		if to == "" { // as it is now
			return
		}
		parts = append(parts, part{kv.Key, kv.Value, to})
	}
	f.replace(lit.Lbrace+1, lit.Lbrace+1, "URL: "+f.nameAt(lit.Lbrace, "net/url", "url")+".URL{")
	for _, p := range parts {
		switch {
		case p.key == nil:
			f.replace(p.value.Pos(), p.value.Pos(), p.to+": ")
		case f.text(p.key) != p.to:
			f.replace(p.key.Pos(), p.key.End(), p.to)
		}
		if p.to == "Path" { // Endpoint takes one slash away
			f.replace(p.value.Pos(), p.value.Pos(), `"/" + `)
		}
	}
	f.replace(lit.Rbrace, lit.Rbrace, "}")
	f.site(lit, "resolver.Target")
}

// parsesURLs says whether the package takes apart what comes after a target's
// endpoint: Target.Endpoint() has neither a query nor percent escapes, as the
// field had.
func (f *file) parsesURLs() (parses bool) {
	for _, of := range f.pkg.files {
		ast.Inspect(of.tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.SelectorExpr:
				x, ok := n.X.(*ast.Ident)
				parses = parses || ok && x.Obj == nil && x.Name == "url" && (n.Sel.Name == "Parse" || n.Sel.Name == "ParseQuery")
			case *ast.BasicLit:
				if n.Kind == token.STRING || n.Kind == token.CHAR {
					s, err := strconv.Unquote(n.Value)
					parses = parses || err == nil && s == "?"
				}
			}
			return !parses
		})
	}
	return parses
}

// written says whether e is assigned to, or its address taken.
func (f *file) written(e ast.Expr) bool {
	switch p := f.parents[e].(type) {
	case *ast.AssignStmt:
		for _, l := range p.Lhs {
			if l == e {
				return true
			}
		}
	case *ast.RangeStmt:
		return p.Key == e || p.Value == e
	case *ast.IncDecStmt:
		return true
	case *ast.UnaryExpr:
		return p.Op == token.AND
	}
	return false
}
