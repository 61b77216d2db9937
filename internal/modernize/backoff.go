package modernize

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

const backoffPath = grpcPath + "/backoff"

// Backoff replaces grpc.WithBackoffMaxDelay and grpc.WithBackoffConfig by
// grpc.WithConnectParams. The other values are those that grpc has without it:
// backoff.DefaultConfig's, and 20 s for MinConnectTimeout; see WithBackoffConfig in
// grpc's dialoptions.go and minConnectTimeout in its clientconn.go.
//
// grpc.DefaultBackoffConfig becomes backoff.DefaultConfig, which has the same MaxDelay,
// unless the package changes it.
var Backoff = newAnalyzer("backoff", "replace grpc.WithBackoffMaxDelay and grpc.WithBackoffConfig", func(f *file) {
	done := make(map[ast.Node]bool)
	if !f.changesDefault() {
		f.defaultMaxDelays()
	}
	all(f, func(id *ast.Ident) { f.backoffVariable(id, done) })
	f.calls(grpcPath, func(call *ast.CallExpr, name string) {
		switch {
		case done[call]:
		case f.commented(call.Args[0].End(), call.Rparen):
			f.left(call, "grpc."+name+" is deprecated, and a comment is in the way", "write grpc.WithConnectParams")
		default:
			f.rewrite(call, "grpc."+name+" is deprecated: use grpc.WithConnectParams",
				f.connectParams(call, name == "WithBackoffConfig")...)
		}
	}, "WithBackoffMaxDelay", "WithBackoffConfig")
	f.leftValues("write a function that returns grpc.WithConnectParams", "WithBackoffMaxDelay", "WithBackoffConfig")
})

// defaultMaxDelays rewrites where the MaxDelay of grpc.DefaultBackoffConfig is read.
func (f *file) defaultMaxDelays() {
	f.uses(grpcPath, func(id *ast.Ident, _ string) {
		e := f.full(id)
		if sel, ok := f.parents[e].(*ast.SelectorExpr); ok && sel.X == e {
			backoff, edits := f.nameAt(e.Pos(), backoffPath)
			f.rewrite(e, "grpc.DefaultBackoffConfig is deprecated: use backoff.DefaultConfig",
				append(edits, replace(e.Pos(), e.End(), backoff+".DefaultConfig"))...)
		}
	}, "DefaultBackoffConfig")
}

// changesDefault says whether the package may change grpc.DefaultBackoffConfig.
func (f *file) changesDefault() (changes bool) {
	is := func(e ast.Expr) bool {
		sel, ok := e.(*ast.SelectorExpr)
		if ok && sel.Sel.Name == "MaxDelay" {
			e = sel.X
		}
		return f.isDefaultBackoff(e)
	}
	for _, tree := range f.pass.Files {
		ast.Inspect(tree, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for _, e := range n.Lhs {
					changes = changes || is(e)
				}
			case *ast.IncDecStmt:
				changes = changes || is(n.X)
			case *ast.UnaryExpr:
				changes = changes || n.Op == token.AND && is(n.X)
			}
			return true
		})
	}
	return changes
}

func (f *file) isDefaultBackoff(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	if sel, qualified := e.(*ast.SelectorExpr); qualified {
		id, ok = sel.Sel, true
	}
	return ok && isNamed(f.pass.TypesInfo.Uses[id], grpcPath, "DefaultBackoffConfig")
}

// backoffVariable rewrites a local variable that begins as grpc.DefaultBackoffConfig,
// or as a literal, and the calls of grpc.WithBackoffConfig that it is for, if it serves
// nothing else. It becomes a backoff.Config.
func (f *file) backoffVariable(id *ast.Ident, done map[ast.Node]bool) {
	v, ok := f.pass.TypesInfo.Defs[id].(*types.Var)
	if !ok || v.IsField() || v.Parent() == f.pass.Pkg.Scope() {
		return
	}
	value := f.initial(id)
	if value == nil {
		return
	}
	var edits []analysis.TextEdit
	lit, ok := value.(*ast.CompositeLit)
	switch {
	case ok && f.isBackoffConfig(lit):
		if edits, ok = f.backoffLiteral(lit); !ok {
			return
		}
	case f.isDefaultBackoff(value) && !f.changesDefault():
		backoff, imports := f.nameAt(value.Pos(), backoffPath)
		edits = append(imports, replace(value.Pos(), value.End(), backoff+".DefaultConfig"))
	default:
		return
	}
	var calls []*ast.CallExpr
	for _, use := range f.usesOf(id) {
		switch p := f.parents[use].(type) {
		case *ast.SelectorExpr:
		case *ast.CallExpr:
			if !f.isCall(p, grpcPath, "WithBackoffConfig") || f.commented(use.End(), p.Rparen) {
				return
			}
			calls = append(calls, p)
		default:
			return
		}
	}
	for _, call := range calls {
		done[call] = true
		edits = append(edits, f.backoffIn(call, "", "", false)...)
	}
	if len(calls) > 0 {
		f.rewrite(calls[0], "grpc.WithBackoffConfig is deprecated: use grpc.WithConnectParams", edits...)
	}
}

// initial returns the value that an identifier is declared with.
func (f *file) initial(id *ast.Ident) ast.Expr {
	switch s := f.parents[id].(type) {
	case *ast.AssignStmt:
		for i, e := range s.Lhs {
			if e == id && len(s.Rhs) == len(s.Lhs) {
				return s.Rhs[i]
			}
		}
	case *ast.ValueSpec:
		for i, name := range s.Names {
			if name == id && len(s.Values) == len(s.Names) && s.Type == nil {
				return s.Values[i]
			}
		}
	}
	return nil
}

func (f *file) isBackoffConfig(e ast.Expr) bool {
	named, ok := types.Unalias(f.typeOf(e)).(*types.Named)
	return ok && isNamed(named.Obj(), grpcPath, "BackoffConfig")
}

// backoffLiteral makes a literal of grpc.BackoffConfig one of backoff.Config.
func (f *file) backoffLiteral(lit *ast.CompositeLit) (edits []analysis.TextEdit, ok bool) {
	open, shut, imports := f.config(lit.Pos())
	delay := maxDelay(lit)
	switch {
	case delay == nil && !f.commented(lit.Pos(), lit.End()):
		return append(imports, replace(lit.Pos(), lit.End(), open+"0"+shut)), true
	case delay != nil && !f.commented(lit.Pos(), delay.Pos()) && !f.commented(delay.End(), lit.End()):
		return append(imports, replace(lit.Pos(), delay.Pos(), open), replace(delay.End(), lit.End(), shut)), true
	}
	return nil, false
}

func maxDelay(lit *ast.CompositeLit) ast.Expr {
	if len(lit.Elts) == 0 {
		return nil
	}
	if kv, ok := lit.Elts[0].(*ast.KeyValueExpr); ok {
		return kv.Value
	}
	return lit.Elts[0]
}

// config is what comes before and after the MaxDelay of a backoff.Config.
func (f *file) config(at token.Pos) (open, shut string, imports []analysis.TextEdit) {
	backoff, imports := f.nameAt(at, backoffPath)
	time, more := f.nameAt(at, "time")
	open = backoff + ".Config{BaseDelay: " + time + ".Second, Multiplier: 1.6, Jitter: 0.2, MaxDelay: "
	return open, "}", append(imports, more...)
}

// connectParams makes a call one of grpc.WithConnectParams. Its argument is a MaxDelay,
// or has one.
func (f *file) connectParams(call *ast.CallExpr, hasDelay bool) []analysis.TextEdit {
	arg := call.Args[0]
	if hasDelay && f.isDefaultBackoff(arg) && !f.changesDefault() {
		backoff, imports := f.nameAt(arg.Pos(), backoffPath)
		return append(append(f.backoffIn(call, "", "", false), imports...), replace(arg.Pos(), arg.End(), backoff+".DefaultConfig"))
	}
	if lit, ok := arg.(*ast.CompositeLit); ok && hasDelay && f.isBackoffConfig(lit) {
		if edits, ok := f.backoffLiteral(lit); ok {
			return append(f.backoffIn(call, "", "", true), edits...)
		}
	}
	open, shut, imports := f.config(arg.Pos())
	if hasDelay {
		if !primary(arg) {
			open, shut = open+"(", ")"+shut
		}
		shut = strings.Replace(shut, "}", ".MaxDelay}", 1)
	}
	return append(f.backoffIn(call, open, shut, true), imports...)
}

// backoffIn makes a call one of grpc.WithConnectParams, whose Backoff is the argument
// with what comes before and after it.
func (f *file) backoffIn(call *ast.CallExpr, open, shut string, lines bool) []analysis.TextEdit {
	time, imports := f.nameAt(call.Pos(), "time")
	open = f.beside(call, "ConnectParams") + "{Backoff: " + open
	shut += ", MinConnectTimeout: 20 * " + time + ".Second})"
	if lines {
		open = strings.Replace(open, "{", "{\n", 1)
		shut = strings.NewReplacer(", Min", ",\nMin", "Second})", "Second,\n})").Replace(shut)
	}
	edits := append(imports, callOther(call, "WithConnectParams", open, "")...)
	return append(edits, replace(call.Args[0].End(), call.Rparen+1, shut))
}
