package migrate

import (
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

const consulPath = "github.com/hashicorp/consul/api"

// A consulQuery is a call that asks Consul for the instances of a service.
type consulQuery struct {
	call    *ast.CallExpr
	via     *ast.CallExpr // in Next, of the method that has call; nil if Next has it
	options consulOptions
}

// consulOptions are the options of a query, as far as syntax tells.
type consulOptions struct {
	known bool // what follows is all that there is
	index bool // WaitIndex: the query blocks
	wait  bool // WaitTime
	bound bool // a context
	more  bool // others
}

func (o *consulOptions) set(field string) {
	switch field {
	case "WaitIndex":
		o.index = true
	case "WaitTime":
		o.wait = true
	default:
		o.more = true
	}
}

func (q *consulQuery) multipleTags() bool {
	return q.call.Fun.(*ast.SelectorExpr).Sel.Name == "ServiceMultipleTags"
}

// catalog says whether q asks for all instances, be they healthy or not.
func (q *consulQuery) catalog() bool { return len(q.call.Args) == 3 }

// consulName is the name by which the file calls Consul's package; "" for none.
func (f *file) consulName() string {
	for _, s := range f.tree.Imports {
		path, err := strconv.Unquote(s.Path.Value)
		if err != nil || path != consulPath && !strings.HasSuffix(path, "/vendor/"+consulPath) {
			continue
		}
		switch {
		case s.Name == nil:
			return "api"
		case s.Name.Name != "_" && s.Name.Name != ".":
			return s.Name.Name
		}
	}
	return ""
}

// findQueries finds those of Next, and of the methods of its type that it calls.
func (c *articleCopy) findQueries() {
	ast.Inspect(c.next.Body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if c.isQuery(call) {
			c.queries = append(c.queries, &consulQuery{call: call})
		}
		helper := c.helper(call)
		if _, other := c.parents[call].(*ast.GoStmt); helper == nil || other {
			return true
		}
		ast.Inspect(helper.Body, func(n ast.Node) bool {
			if inner, ok := n.(*ast.CallExpr); ok && c.isQuery(inner) {
				c.queries = append(c.queries, &consulQuery{call: inner, via: call})
			}
			return true
		})
		return true
	})
	for _, q := range c.queries {
		q.options = c.optionsOf(q)
	}
}

// helper is the method of c's type that Next calls by call; nil for none.
func (c *articleCopy) helper(call *ast.CallExpr) *ast.FuncDecl {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return nil
	}
	x, ok := sel.X.(*ast.Ident)
	names := c.next.Recv.List[0].Names
	if !ok || len(names) != 1 || x.Obj == nil || x.Obj != names[0].Obj || sel.Sel.Name == "Next" {
		return nil
	}
	return c.methods[sel.Sel.Name]
}

func (f *file) isQuery(call *ast.CallExpr) bool {
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "Service" && sel.Sel.Name != "ServiceMultipleTags" {
		return false
	}
	of, ok := declaredAs(sel.X).(*ast.CallExpr)
	if !ok || len(of.Args) > 0 {
		return false
	}
	api, ok := of.Fun.(*ast.SelectorExpr)
	return ok && (api.Sel.Name == "Health" && len(call.Args) == 4 || api.Sel.Name == "Catalog" && len(call.Args) == 3)
}

// declaredAs is what a variable is declared with, or e itself.
func declaredAs(e ast.Expr) ast.Expr {
	e = ast.Unparen(e)
	id, ok := e.(*ast.Ident)
	if !ok || id.Obj == nil {
		return e
	}
	switch d := id.Obj.Decl.(type) {
	case *ast.AssignStmt:
		for i, l := range d.Lhs {
			if l, ok := l.(*ast.Ident); ok && l.Obj == id.Obj && len(d.Lhs) == len(d.Rhs) {
				return ast.Unparen(d.Rhs[i])
			}
		}
	case *ast.ValueSpec:
		for i, n := range d.Names {
			if n.Obj == id.Obj && len(d.Names) == len(d.Values) {
				return ast.Unparen(d.Values[i])
			}
		}
	}
	return e
}

func (c *articleCopy) optionsOf(q *consulQuery) consulOptions {
	e := ast.Unparen(q.call.Args[len(q.call.Args)-1])
	id, ok := e.(*ast.Ident)
	if !ok || q.via == nil || id.Obj == nil {
		return c.readOptions(e)
	}
	i := 0
	for _, field := range c.helper(q.via).Type.Params.List {
		for _, n := range field.Names {
			if n.Obj == id.Obj && i < len(q.via.Args) {
				o := c.readOptions(q.via.Args[i])
				c.addAssigned(id.Obj, &o)
				return o
			}
			i++
		}
	}
	return c.readOptions(e)
}

func (c *articleCopy) readOptions(e ast.Expr) (o consulOptions) {
	e = ast.Unparen(e)
	if a, ok := e.(*ast.UnaryExpr); ok && a.Op == token.AND {
		e = ast.Unparen(a.X)
	}
	switch e := e.(type) {
	case *ast.CallExpr:
		if sel, ok := e.Fun.(*ast.SelectorExpr); ok && sel.Sel.Name == "WithContext" {
			o = c.readOptions(sel.X)
			o.bound = true
		}
	case *ast.CompositeLit:
		return c.readLiteral(e)
	case *ast.Ident:
		if e.Obj == nil {
			return consulOptions{known: e.Name == "nil"}
		}
		init := declaredAs(e)
		if a, ok := init.(*ast.UnaryExpr); ok && a.Op == token.AND {
			init = ast.Unparen(a.X)
		}
		if lit, ok := init.(*ast.CompositeLit); ok {
			o = c.readLiteral(lit)
		} else if spec, ok := e.Obj.Decl.(*ast.ValueSpec); ok && len(spec.Values) == 0 {
			o.known = c.isOptions(spec.Type)
		}
		c.addAssigned(e.Obj, &o)
	}
	return o
}

func (c *articleCopy) isOptions(t ast.Expr) bool {
	sel, ok := t.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "QueryOptions" {
		return false
	}
	x, ok := sel.X.(*ast.Ident)
	return ok && x.Obj == nil && x.Name == c.api
}

func (c *articleCopy) readLiteral(lit *ast.CompositeLit) (o consulOptions) {
	o.known = c.isOptions(lit.Type)
	for _, e := range lit.Elts {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return consulOptions{}
		}
		o.set(c.text(kv.Key))
	}
	return o
}

// addAssigned adds what is assigned to the fields of a variable. Where more may
// happen to it, nothing is known any more.
func (c *articleCopy) addAssigned(v *ast.Object, o *consulOptions) {
	if c.changes(v) {
		o.known = false
	}
	ast.Inspect(c.tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); !ok || x.Obj != v {
			return true
		}
		if sel.Sel.Name == "WithContext" {
			o.bound = true
		}
		if a, ok := c.parents[sel].(*ast.AssignStmt); ok && contains(a.Lhs, sel) {
			o.set(sel.Sel.Name)
		}
		return true
	})
}

// changes says whether a variable of options may become others: it is assigned
// to, but for its own WithContext, or goes where that may happen.
func (c *articleCopy) changes(v *ast.Object) (changes bool) {
	ast.Inspect(c.tree, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || id.Obj != v {
			return true
		}
		var e ast.Expr = id
		p := c.parents[id]
		if a, ok := p.(*ast.UnaryExpr); ok && a.Op == token.AND {
			e, p = a, c.parents[a]
		}
		switch p := p.(type) {
		case *ast.SelectorExpr, *ast.BinaryExpr, *ast.Field:
		case *ast.ValueSpec:
			changes = changes || p != v.Decl
		case *ast.AssignStmt:
			changes = changes || p != v.Decl && !(contains(p.Lhs, e) && len(p.Rhs) == 1 && strings.HasPrefix(c.text(p.Rhs[0]), id.Name+".WithContext("))
		case *ast.CallExpr:
			changes = changes || !c.isQuery(p) && c.helper(p) == nil
		default:
			changes = true
		}
		return !changes
	})
	return changes
}

func contains(list []ast.Expr, e ast.Expr) bool {
	for _, x := range list {
		if x == e {
			return true
		}
	}
	return false
}

// loopAround is the innermost loop around q, in its method or else in Next; nil
// for none. ok is false where syntax does not tell how often q is sent.
func (c *articleCopy) loopAround(q *consulQuery) (loop *ast.ForStmt, ok bool) {
	for _, n := range []*ast.CallExpr{q.call, q.via} {
		if n == nil {
			continue
		}
		for p := c.parents[n]; p != nil; p = c.parents[p] {
			switch p := p.(type) {
			case *ast.ForStmt:
				return p, true
			case *ast.RangeStmt, *ast.FuncLit:
				return nil, false
			}
		}
	}
	return nil, true
}

// always says whether nothing but what comes before n decides about it.
func (c *articleCopy) always(n ast.Node) bool {
	for p := c.parents[n]; p != nil; n, p = p, c.parents[p] {
		switch p := p.(type) {
		case *ast.IfStmt:
			if p.Init != n {
				return false
			}
		case *ast.CaseClause, *ast.CommClause, *ast.FuncLit, *ast.LabeledStmt:
			return false
		}
	}
	return true
}
