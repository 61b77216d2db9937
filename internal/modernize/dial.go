package modernize

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// A dial is a call of grpc.Dial, grpc.DialContext or grpc.NewClient.
type dial struct {
	*file
	call    *ast.CallExpr
	name    string
	ctx     ast.Expr // of DialContext
	target  ast.Expr
	options []*option
	seen    bool // these are all options that it may have
}

// An option is a DialOption that a dial has.
type option struct {
	expr  ast.Expr // what makes it
	list  list     // in which it stands, perhaps by the name of a variable
	index int      // there
	sure  bool     // the dial always has it
	alone bool     // no other call has it
}

// A list is the arguments of a call, or a slice literal.
type list struct {
	node  ast.Node
	elems []ast.Expr
	first int // index of the first that may go
}

func (f *file) dials(do func(*dial)) {
	f.calls(grpcPath, func(call *ast.CallExpr, name string) {
		first := 1
		if name == "DialContext" {
			first = 2
		}
		if len(call.Args) < first {
			return // dial(f())
		}
		d := &dial{file: f, call: call, name: name, target: call.Args[first-1], seen: true}
		if first == 2 {
			d.ctx = call.Args[0]
		}
		d.collect(call, first, true, true)
		do(d)
	}, "Dial", "DialContext", "NewClient")
}

// collect takes the options among the arguments of a call: of the dial or of append.
func (d *dial) collect(call *ast.CallExpr, first int, sure, alone bool) {
	l := list{call, call.Args, first}
	n := len(call.Args)
	if call.Ellipsis.IsValid() {
		n--
	}
	d.add(l, n, sure, alone)
	if call.Ellipsis.IsValid() {
		d.collectSlice(call.Args[n], sure, alone)
	}
}

func (d *dial) add(l list, n int, sure, alone bool) {
	for i := l.first; i < n; i++ {
		o := &option{list: l, index: i, sure: sure, alone: alone}
		var once bool
		o.expr, once = d.value(l.elems[i])
		o.alone = alone && once
		d.options = append(d.options, o)
	}
}

// collectSlice takes the options in a slice, as far as they can be seen.
func (d *dial) collectSlice(e ast.Expr, sure, alone bool) {
	switch e := ast.Unparen(e).(type) {
	case *ast.CompositeLit:
		d.add(list{e, e.Elts, 0}, len(e.Elts), sure, alone)
		return
	case *ast.CallExpr:
		if d.isAppend(e) {
			d.collectSlice(e.Args[0], sure, alone)
			d.collect(e, 1, sure, alone)
			return
		}
	case *ast.Ident:
		if e.Name == "nil" {
			return
		}
		if v, ok := d.pass.TypesInfo.Uses[e].(*types.Var); ok && v.Parent() != v.Pkg().Scope() && !v.IsField() {
			d.collectVariable(v, sure, alone)
			return
		}
	}
	d.seen = false
}

// collectVariable takes the options that a local variable may hold: those that it is
// declared with, and those that v = append(v, ...) adds.
func (d *dial) collectVariable(v *types.Var, sure, alone bool) {
	type growth struct {
		stmt *ast.AssignStmt
		call *ast.CallExpr
	}
	var initial ast.Expr
	declared := false // by anything but a parameter
	reads := 0        // more than one, and some other list has the options as well
	var growths []growth
	for _, id := range d.idents(v) {
		switch p := d.parents[id].(type) {
		case *ast.ValueSpec:
			if i := slices.Index(p.Names, id); i >= 0 {
				if declared = true; len(p.Values) == len(p.Names) {
					initial = p.Values[i]
				} else if len(p.Values) > 0 {
					d.seen = false
				}
				continue
			}
			alone = false
		case *ast.AssignStmt:
			i := slices.IndexFunc(p.Lhs, func(e ast.Expr) bool { return e == ast.Expr(id) })
			switch {
			case i < 0:
				alone = false
			case len(p.Lhs) != len(p.Rhs):
				declared = declared || p.Tok == token.DEFINE
				d.seen = false
			case p.Tok == token.DEFINE && d.pass.TypesInfo.Defs[id] == v:
				declared, initial = true, p.Rhs[i]
			default:
				call, ok := ast.Unparen(p.Rhs[i]).(*ast.CallExpr)
				if ok && len(call.Args) > 0 && d.isUse(call.Args[0], v) && d.isAppend(call) {
					growths = append(growths, growth{p, call})
				} else {
					d.seen = false
				}
			}
		case *ast.CallExpr:
			if !d.isAppend(p) {
				alone = alone && p == d.call
			} else if a, ok := d.parents[p].(*ast.AssignStmt); ok && len(a.Lhs) == 1 && d.isUse(a.Lhs[0], v) {
				continue // v = append(v, ...)
			}
			reads++
		case *ast.Field:
		case *ast.UnaryExpr, *ast.IndexExpr, *ast.SliceExpr:
			d.seen, alone = false, false
		default:
			alone = false
		}
	}
	if !declared {
		d.seen = false // a parameter
	}
	alone = alone && reads == 1
	if initial != nil {
		d.collectSlice(initial, sure, alone)
	}
	for _, g := range growths {
		d.collect(g.call, 1, sure && d.dominates(g.stmt), alone)
	}
}

func (f *file) isAppend(call *ast.CallExpr) bool {
	id, ok := ast.Unparen(call.Fun).(*ast.Ident)
	return ok && f.pass.TypesInfo.Uses[id] == types.Universe.Lookup("append")
}

func (f *file) isUse(e ast.Expr, v types.Object) bool {
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && f.pass.TypesInfo.Uses[id] == v
}

// dominates says whether a statement has always run before the dial does.
func (d *dial) dominates(s ast.Stmt) bool {
	if s.Pos() > d.call.Pos() {
		return false
	}
	block := d.parents[s]
	switch block.(type) {
	case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
		return block.Pos() <= d.call.Pos() && d.call.End() <= block.End()
	}
	return false
}

// idents returns the identifiers of the file that mean a variable, in their order.
func (f *file) idents(v types.Object) (ids []*ast.Ident) {
	all(f, func(id *ast.Ident) {
		if f.pass.TypesInfo.Defs[id] == v || f.pass.TypesInfo.Uses[id] == v {
			ids = append(ids, id)
		}
	})
	return ids
}

// value returns the expression that a local variable was declared with, if it is
// assigned nowhere else, or e itself. once says that e is its only use.
func (f *file) value(e ast.Expr) (value ast.Expr, once bool) {
	e = ast.Unparen(e)
	id, ok := e.(*ast.Ident)
	if !ok {
		return e, true
	}
	v, ok := f.pass.TypesInfo.Uses[id].(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return e, false
	}
	uses := 0
	for _, id := range f.idents(v) {
		switch p := f.parents[id].(type) {
		case *ast.ValueSpec:
			if i := slices.Index(p.Names, id); i >= 0 {
				if len(p.Values) == len(p.Names) && p.Type == nil {
					value = p.Values[i]
				}
				continue
			}
		case *ast.AssignStmt:
			if i := slices.IndexFunc(p.Lhs, func(l ast.Expr) bool { return l == ast.Expr(id) }); i >= 0 {
				if p.Tok != token.DEFINE || f.pass.TypesInfo.Defs[id] != v || len(p.Lhs) != len(p.Rhs) {
					return e, false
				}
				value = p.Rhs[i]
				continue
			}
		case *ast.UnaryExpr:
			if p.Op == token.AND {
				return e, false
			}
		}
		uses++
	}
	if value == nil {
		return e, false
	}
	inner, innerOnce := f.value(value)
	return inner, uses == 1 && innerOnce
}

// find returns the options that a function of package path makes.
func (d *dial) find(path string, names ...string) (found []*option) {
	for _, o := range d.options {
		for _, name := range names {
			if d.isCall(o.expr, path, name) {
				found = append(found, o)
			}
		}
	}
	return found
}

// element is where the option stands in its list.
func (o *option) element() ast.Expr { return o.list.elems[o.index] }

// then is the edit that puts another option behind o.
func (d *dial) then(o *option, text string) analysis.TextEdit {
	return insert(o.element().End(), d.separator(o.list)+text)
}

// separator is what stands between the elements of a list.
func (d *dial) separator(l list) string {
	if n := len(l.elems); n > 0 && d.line(l.node.Pos()) != d.line(l.elems[n-1].End()) {
		return ",\n"
	}
	return ", "
}

// without takes options out of their lists. An append that is left with nothing to
// append goes as a whole.
func (d *dial) without(options []*option) (edits []analysis.TextEdit) {
	done := make(map[ast.Node]bool)
	for _, o := range options {
		if done[o.list.node] {
			continue
		}
		done[o.list.node] = true
		var indexes []int
		for _, other := range options {
			if other.list.node == o.list.node {
				indexes = append(indexes, other.index)
			}
		}
		if call, ok := o.list.node.(*ast.CallExpr); ok && call != d.call && len(indexes) == len(call.Args)-1 {
			edits = append(edits, d.dropAppend(call)...)
			continue
		}
		edits = append(edits, d.cutElements(o.list.elems, indexes...)...)
	}
	return edits
}

// dropAppend takes out x = append(x, ...), and makes x of another append.
func (f *file) dropAppend(call *ast.CallExpr) []analysis.TextEdit {
	if a, ok := f.parents[call].(*ast.AssignStmt); ok && len(a.Lhs) == 1 && a.Tok == token.ASSIGN && f.text(a.Lhs[0]) == f.text(call.Args[0]) {
		switch f.parents[a].(type) {
		case *ast.BlockStmt, *ast.CaseClause:
			return f.cutStatement(a)
		}
	}
	return []analysis.TextEdit{replace(call.Pos(), call.Args[0].Pos(), ""), replace(call.Args[0].End(), call.End(), "")}
}

// cutStatement removes a statement, with its line if nothing else is on it.
func (f *file) cutStatement(s ast.Stmt) []analysis.TextEdit {
	edits, _ := edit.Cut(f.src, f.offset(s.Pos()), f.offset(s.End()), token.SEMICOLON)
	return f.positioned(edits)
}

// scheme returns the scheme of a target as far as its beginning is constant, and what
// follows it: constant, or an expression. ok is false if none can be told.
func (f *file) scheme(target ast.Expr) (scheme string, rest string, expr ast.Expr, ok bool) {
	s, constant := f.constant(target)
	if b, isSum := ast.Unparen(target).(*ast.BinaryExpr); !constant && isSum && b.Op == token.ADD {
		s, constant = f.constant(b.X)
		expr = b.Y
	}
	scheme, rest, found := strings.Cut(s, ":///")
	if !constant || !found || strings.ContainsAny(scheme, "/?#") || expr != nil && rest != "" {
		return "", "", nil, false
	}
	return scheme, rest, expr, true
}
