package migrate

import (
	"go/ast"
	"go/token"
)

// An outcome follows control in a function from a call that failed, or did not. If
// it failed, its last result is an error and others are nil. Where syntax does not
// tell how it goes on, it follows no further.
type outcome struct {
	*file
	call    *ast.CallExpr
	failed  bool
	results []bool      // which of them are nil
	err     *ast.Object // nil if nothing holds the error
	nils    map[*ast.Object]bool
	steps   int

	deref    token.Pos       // of a nil result
	again    token.Pos       // where control goes back to the call without a pause
	returned *ast.ReturnStmt // of an error, always
}

// No function that people write has so many statements behind a call.
const mostSteps = 1000

// A way is one that control may have come.
type way struct {
	waited bool // or may have
	sure   bool // there is no other
}

// follow follows a call that leaves those of its results nil.
func (f *file) follow(call *ast.CallExpr, failed bool, results []bool) *outcome {
	o := &outcome{file: f, call: call, failed: failed, results: results, nils: make(map[*ast.Object]bool)}
	for p := f.parents[call]; p != nil; p = f.parents[p] {
		if _, ok := p.(*ast.FuncLit); ok {
			return o
		}
	}
	switch p := f.parents[call].(type) {
	case *ast.ReturnStmt:
		if len(p.Results) == 1 {
			o.returned = p
		}
	case *ast.AssignStmt:
		if len(p.Rhs) != 1 || len(p.Lhs) != len(results) {
			break
		}
		for i, l := range p.Lhs {
			id, ok := l.(*ast.Ident)
			switch {
			case !ok || id.Obj == nil && id.Name != "_":
				return o
			case id.Name == "_":
			case i == len(results)-1:
				o.err = id.Obj
			case results[i]:
				o.nils[id.Obj] = true
			}
		}
		o.after(p, way{sure: true})
	}
	return o
}

// nilResults says which results of the function are nil when it returns the
// error. One that returns what it calls has the same.
func (o *outcome) nilResults() []bool {
	if o.returned.Results[0] == o.call {
		return o.results
	}
	nils := make([]bool, len(o.returned.Results))
	for i, e := range o.returned.Results {
		nils[i] = o.isNil(e)
	}
	return nils
}

// isNil says whether e is nil, and known to be so.
func (o *outcome) isNil(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && (id.Obj == nil && id.Name == "nil" || o.nils[id.Obj])
}

func (o *outcome) isErr(e ast.Expr) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && id.Obj != nil && id.Obj == o.err
}

// mentions says whether one of the results is used below n.
func (o *outcome) mentions(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		found = found || ok && id.Obj != nil && (id.Obj == o.err || o.nils[id.Obj])
		return !found
	})
	return found
}

// after follows what comes after n.
func (o *outcome) after(n ast.Node, w way) {
	for {
		parent := o.parents[n]
		switch p := parent.(type) {
		case *ast.BlockStmt:
			if !o.list(behind(p.List, n), &w) {
				return
			}
		case *ast.CommClause:
			if !o.list(behind(p.Body, n), &w) {
				return
			}
			parent = o.parents[o.parents[p]]
		case *ast.IfStmt:
			if p.Init == n && !o.branch(p, &w) {
				return
			}
		case *ast.LabeledStmt:
		case *ast.ForStmt:
			if p.Body == n {
				o.nextTurn(p, w, o.call.Pos())
			}
			return
		default:
			return
		}
		n = parent
	}
}

// behind is what follows n in list.
func behind(list []ast.Stmt, n ast.Node) []ast.Stmt {
	for i, s := range list {
		if s == n {
			return list[i+1:]
		}
	}
	return nil
}

// nextTurn is where a loop begins again. One that counts has an end.
func (o *outcome) nextTurn(loop *ast.ForStmt, w way, at token.Pos) {
	if o.again.IsValid() || loop.Pos() > o.call.Pos() || loop.End() < o.call.End() || loop.Cond != nil && loop.Post != nil {
		return
	}
	if w.waited || o.waits(loop.Body, o.call.Pos()) || loop.Cond != nil && o.waits(loop.Cond, token.NoPos) || loop.Post != nil && o.waits(loop.Post, token.NoPos) {
		return
	}
	o.again = at
}

// list follows statements and says whether control comes out behind them.
func (o *outcome) list(list []ast.Stmt, w *way) bool {
	for _, s := range list {
		if !o.statement(s, w) {
			return false
		}
	}
	return true
}

func (o *outcome) statement(s ast.Stmt, w *way) bool {
	if o.steps++; o.steps > mostSteps {
		return false
	}
	switch s := s.(type) {
	case *ast.BlockStmt:
		return o.list(s.List, w)
	case *ast.LabeledStmt:
		return o.statement(s.Stmt, w)
	case *ast.IfStmt:
		return (s.Init == nil || o.statement(s.Init, w)) && o.branch(s, w)
	case *ast.ReturnStmt:
		if !o.derefs(s) && w.sure && o.returnsError(s) {
			o.returned = s
		}
		return false
	case *ast.BranchStmt:
		o.jump(s, *w)
		return false
	case *ast.RangeStmt:
		if o.isNil(s.X) {
			return true
		}
		if o.mentions(s) || leaves(s, false) {
			return false
		}
	case *ast.ForStmt:
		if s.Cond == nil || o.mentions(s) || leaves(s, false) {
			return false
		}
	case *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		if o.mentions(s) || leaves(s, true) {
			return false
		}
	default:
		if o.derefs(s) || o.loses(s) || o.ends(s) {
			return false
		}
	}
	w.waited = w.waited || o.waits(s, token.NoPos)
	return true
}

// returnsError says whether the last result of s is an error, and not nil.
func (o *outcome) returnsError(s *ast.ReturnStmt) bool {
	fn, ok := o.around(s).(*ast.FuncDecl)
	if !ok || len(s.Results) == 0 || fn.Type.Results.NumFields() != len(s.Results) {
		return false
	}
	last := fn.Type.Results.List[len(fn.Type.Results.List)-1]
	return o.text(last.Type) == "error" && !o.isNil(s.Results[len(s.Results)-1])
}

// branch follows s without its Init. Where it may go either way, a pause on one
// counts for both.
func (o *outcome) branch(s *ast.IfStmt, w *way) bool {
	if o.derefs(s.Cond) {
		return false
	}
	yes, no, ok := o.can(s.Cond)
	switch {
	case !ok:
		return false
	case !no:
		return o.list(s.Body.List, w)
	case !yes:
		return s.Else == nil || o.statement(s.Else, w)
	}
	w.waited = w.waited || o.waits(s, token.NoPos)
	one, other := way{waited: w.waited}, way{waited: w.waited}
	falls := o.list(s.Body.List, &one)
	fallsElse := s.Else == nil || o.statement(s.Else, &other)
	w.sure = w.sure && falls && fallsElse
	return falls || fallsElse
}

// leaves says whether control may leave s for elsewhere than behind it, where
// breaks and continues are s's own unless they count.
func leaves(s ast.Stmt, breaks bool) (found bool) {
	ast.Inspect(s, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.ReturnStmt:
			found = true
		case *ast.BranchStmt:
			found = found || breaks || n.Label != nil
		}
		return !found
	})
	return found
}

// jump follows a goto, and a break or a continue without a label.
func (o *outcome) jump(s *ast.BranchStmt, w way) {
	if s.Label != nil {
		fn, ok := o.around(s).(*ast.FuncDecl)
		back := s.Tok == token.GOTO && s.Label.Obj != nil && s.Label.Obj.Pos() < o.call.Pos()
		if ok && back && !w.waited && !o.waits(fn.Body, o.call.Pos()) {
			o.again = s.Pos()
		}
		return
	}
	for n := o.parents[s]; n != nil; n = o.parents[n] {
		switch n := n.(type) {
		case *ast.ForStmt:
			if s.Tok == token.CONTINUE {
				o.nextTurn(n, w, s.Pos())
			} else {
				o.after(n, w)
			}
			return
		case *ast.RangeStmt, *ast.SelectStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt:
			if _, isRange := n.(*ast.RangeStmt); isRange || s.Tok == token.BREAK {
				return
			}
		}
	}
}

// can says whether a condition can be true, and false. ok is false if it is
// about the results in a way that syntax does not tell.
func (o *outcome) can(e ast.Expr) (yes, no, ok bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		if e.Op == token.NOT {
			yes, no, ok = o.can(e.X)
			return no, yes, ok
		}
	case *ast.BinaryExpr:
		switch e.Op {
		case token.LAND, token.LOR:
			yes, no, ok = o.can(e.X)
			if e.Op == token.LAND && !yes || e.Op == token.LOR && !no || !ok {
				return yes, no, ok
			}
			y, n, ok := o.can(e.Y)
			if e.Op == token.LAND {
				return y, no || n, ok
			}
			return yes || y, n, ok
		}
		if result, known := o.compare(e); known {
			return result, !result, true
		}
	}
	return true, true, !o.mentions(e)
}

// compare compares a result with nil, or its length with 0.
func (o *outcome) compare(e *ast.BinaryExpr) (result, known bool) {
	x, y, op := ast.Unparen(e.X), ast.Unparen(e.Y), e.Op
	if id, ok := x.(*ast.Ident); ok && id.Obj == nil && id.Name == "nil" {
		x, y = y, x
	}
	if call, ok := x.(*ast.CallExpr); ok && len(call.Args) == 1 && o.text(call.Fun) == "len" && o.isNil(call.Args[0]) {
		return op == token.EQL, o.text(y) == "0" && (op == token.EQL || op == token.NEQ || op == token.GTR)
	}
	if id, ok := y.(*ast.Ident); !ok || id.Obj != nil || id.Name != "nil" || op != token.EQL && op != token.NEQ {
		return false, false
	}
	switch {
	case o.isErr(x):
		return (op == token.NEQ) == o.failed, true
	case o.isNil(x):
		return op == token.EQL, true
	}
	return false, false
}

// derefs says whether evaluating n takes a field of a nil result, and records
// that.
func (o *outcome) derefs(n ast.Node) (found bool) {
	ast.Inspect(n, func(n ast.Node) bool {
		if found {
			return false
		}
		switch n := n.(type) {
		case *ast.FuncLit:
			return false
		case *ast.BinaryExpr:
			if n.Op != token.LAND && n.Op != token.LOR {
				return true
			}
			yes, no, ok := o.can(n.X)
			found = o.derefs(n.X) || ok && (n.Op == token.LAND && yes || n.Op == token.LOR && no) && o.derefs(n.Y)
			return false
		case *ast.SelectorExpr: // a method can do without
			call, isCall := o.parents[n].(*ast.CallExpr)
			if o.isNil(n.X) && !(isCall && call.Fun == n) {
				o.deref, found = n.Pos(), true
			}
		case *ast.StarExpr:
			if o.isNil(n.X) {
				o.deref, found = n.Pos(), true
			}
		}
		return !found
	})
	return found
}

// loses says whether s assigns to a result. An error that is wrapped stays one.
func (o *outcome) loses(s ast.Stmt) bool {
	a, ok := s.(*ast.AssignStmt)
	if !ok {
		return false
	}
	for _, l := range a.Lhs {
		id, ok := l.(*ast.Ident)
		if !ok || id.Obj == nil || id.Obj != o.err && !o.nils[id.Obj] {
			continue
		}
		if len(a.Lhs) != 1 || id.Obj != o.err {
			return true
		}
		call, ok := a.Rhs[0].(*ast.CallExpr)
		if !ok || !wrapping.MatchString(callee(call)[0]) {
			return true
		}
	}
	return false
}

// ends says whether s is a call that may end the goroutine or the process: one
// that does, or one that is given the error and is not known not to.
func (o *outcome) ends(s ast.Stmt) bool {
	e, ok := s.(*ast.ExprStmt)
	if !ok {
		return false
	}
	call, ok := e.X.(*ast.CallExpr)
	if !ok {
		return false
	}
	names := callee(call)
	if fn := o.function(names); fn != nil {
		return exits(fn.Body)
	}
	return isExit(names) || o.mentions(call) && (!isQuick(names) || isCheck(names))
}
