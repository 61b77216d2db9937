package migrate

import (
	"go/ast"
	"go/token"
)

// parseServiceConfigs lets resolvers parse the service configs that they used to
// send as strings.
func parseServiceConfigs(f *file) {
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		switch member {
		case "resolver.ClientConn.NewServiceConfig":
			call, ok := f.called(sel)
			if !ok || len(call.Args) != 1 || !f.mergeNewAddress(sel, call) {
				f.report(sel.Sel.Pos(), linkGone, "the method NewServiceConfig of resolver.ClientConn is gone",
					"write UpdateState with the addresses too: resolver.State{Addresses: ..., ServiceConfig: cc.ParseServiceConfig(...)}")
			}
		case "resolver.State.ServiceConfig":
			if a, ok := f.parents[sel].(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
				for i := range a.Lhs {
					if a.Lhs[i] == sel {
						f.parseServiceConfig(a.Rhs[i], nil)
					}
				}
			}
		}
	})
	f.eachLiteral("resolver.State", func(lit *ast.CompositeLit) {
		for _, e := range lit.Elts {
			if kv, ok := e.(*ast.KeyValueExpr); ok && f.text(kv.Key) == "ServiceConfig" {
				f.parseServiceConfig(kv.Value, lit)
			}
		}
	})
}

// parseServiceConfig parses e, if that is a string, by the ClientConn that gets
// the state which it goes into.
func (f *file) parseServiceConfig(e ast.Expr, lit *ast.CompositeLit) {
	if !f.isString(e) {
		return
	}
	cc := f.stateTaker(e, lit)
	if cc == "" {
		f.report(e.Pos(), linkGone, "resolver.State.ServiceConfig is no string any more", "write cc.ParseServiceConfig(...), of the resolver.ClientConn")
		return
	}
	f.replace(e.Pos(), e.Pos(), cc+".ParseServiceConfig(")
	f.replace(e.End(), e.End(), ")")
	f.site(e, "resolver.State.ServiceConfig")
}

// stateTaker is the ClientConn whose UpdateState takes lit, or, as far as the
// function around e shows, all states; "" if that cannot be said.
func (f *file) stateTaker(e ast.Expr, lit *ast.CompositeLit) string {
	taker, several := "", false
	ast.Inspect(f.around(e), func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok || len(call.Args) != 1 {
			return true
		}
		sel, ok := call.Fun.(*ast.SelectorExpr)
		if !ok || f.member(sel) != "resolver.ClientConn.UpdateState" || !f.reaches(sel.X, e.Pos()) {
			return true
		}
		switch x := f.text(sel.X); {
		case lit != nil && call.Args[0] == ast.Expr(lit):
			taker, several = x, false
			return false
		case taker != "" && taker != x:
			several = true
		default:
			taker = x
		}
		return true
	})
	if several {
		return ""
	}
	return taker
}

// reaches says whether e, a variable or a field of one, can be named at a place
// too, and means the same there.
func (f *file) reaches(e ast.Expr, at token.Pos) bool {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return f.reaches(e.X, at)
	case *ast.Ident:
		o := f.pkg.info.Uses[e]
		return o != nil && f.lookup(at, e.Name) == o
	}
	return false
}

// mergeNewAddress makes one UpdateState of a NewServiceConfig and the NewAddress
// beside it: alone, the one would take away what the other said.
func (f *file) mergeNewAddress(sel *ast.SelectorExpr, call *ast.CallExpr) bool {
	stmt, ok := f.parents[call].(*ast.ExprStmt)
	if !ok || !f.reaches(sel.X, sel.Pos()) {
		return false
	}
	var list []ast.Stmt
	switch p := f.parents[stmt].(type) {
	case *ast.BlockStmt:
		list = p.List
	case *ast.CaseClause:
		list = p.Body
	case *ast.CommClause:
		list = p.Body
	}
	newAddress := func(s ast.Stmt) *ast.CallExpr {
		if e, ok := s.(*ast.ExprStmt); ok {
			if c, ok := e.X.(*ast.CallExpr); ok && len(c.Args) == 1 {
				if other, ok := c.Fun.(*ast.SelectorExpr); ok && f.member(other) == "resolver.ClientConn.NewAddress" && f.text(other.X) == f.text(sel.X) {
					return c
				}
			}
		}
		return nil
	}
	for i, s := range list {
		if s != stmt {
			continue
		}
		if i > 0 {
			if c := newAddress(list[i-1]); c != nil {
				return f.merge(f.text(sel.X), c, call)
			}
		}
		if i+1 < len(list) {
			if c := newAddress(list[i+1]); c != nil {
				return f.merge(f.text(sel.X), call, c)
			}
		}
	}
	return false
}

// merge makes one call of two, a NewServiceConfig and a NewAddress in any order.
func (f *file) merge(cc string, first, second *ast.CallExpr) bool {
	a, b := first.Args[0], second.Args[0]
	if f.hasComment(first.Pos(), a.Pos()) || f.hasComment(a.End(), b.Pos()) || f.hasComment(b.End(), second.End()) {
		return false
	}
	pkg := f.nameAt(first.Pos(), resolverPath, "resolver")
	parse := "ServiceConfig: " + cc + ".ParseServiceConfig("
	start := cc + ".UpdateState(" + pkg + ".State{"
	if first.Fun.(*ast.SelectorExpr).Sel.Name == "NewAddress" {
		f.replace(first.Pos(), a.Pos(), start+"Addresses: ")
		f.replace(a.End(), b.Pos(), ", "+parse)
		f.replace(b.End(), second.End(), ")})")
	} else {
		f.replace(first.Pos(), a.Pos(), start+parse)
		f.replace(a.End(), b.Pos(), "), Addresses: ")
		f.replace(b.End(), second.End(), "})")
	}
	f.site(first, f.text(first.Fun))
	f.site(second, f.text(second.Fun))
	return true
}
