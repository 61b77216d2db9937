package modernize

import (
	"fmt"
	"go/ast"
	"go/token"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// contextDialer is what grpc.WithDialer does with its dialer: see grpc's dialoptions.go.
var contextDialer = &helper{
	name:    "contextDialer",
	imports: map[string]string{"CONTEXT": "context", "NET": "net", "TIME": "time"},
	text: `
// NAME makes a dialer with a context of one with a timeout, as grpc.WithDialer did: the
// timeout is what is left until the deadline of the context, and 0 if it has none.
func NAME(dial func(string, TIME.Duration) (NET.Conn, error)) func(CONTEXT.Context, string) (NET.Conn, error) {
	return func(ctx CONTEXT.Context, addr string) (NET.Conn, error) {
		var timeout TIME.Duration
		if deadline, ok := ctx.Deadline(); ok {
			timeout = TIME.Until(deadline)
		}
		return dial(addr, timeout)
	}
}
`,
}

// Dialer replaces grpc.WithDialer by grpc.WithContextDialer. A function literal gets
// the new parameters, and works out its timeout itself. If it does nothing with that
// but hand it to net.DialTimeout in its first statement, that becomes a dial with the
// context, which has the same deadline. Any other dialer goes through contextDialer.
var Dialer = &analysis.Analyzer{
	Name:             "dialer",
	Doc:              "replace grpc.WithDialer by grpc.WithContextDialer",
	RunDespiteErrors: true,
	Requires:         []*analysis.Analyzer{elsewhere},
	Run: func(pass *analysis.Pass) (any, error) {
		const message = "grpc.WithDialer is deprecated: use grpc.WithContextDialer"
		type todo struct {
			*file
			call *ast.CallExpr
		}
		var others []todo
		var host *file
		err := eachFile(pass, func(f *file) {
			f.calls(grpcPath, func(call *ast.CallExpr, _ string) {
				if edits, ok := f.dialLiteral(call.Args[0]); ok {
					f.rewrite(call, message, append(edits, callOther(call, "WithContextDialer", "", "")...)...)
					return
				}
				others = append(others, todo{f, call})
				if host == nil || before(f, host) {
					host = f
				}
			}, "WithDialer")
			f.leftValues("write a function that takes a dialer with a context, and returns grpc.WithContextDialer of it", "WithDialer")
		})
		for _, o := range others {
			name, edits := contextDialer.in(host, nil)
			o.rewrite(o.call, message, append(edits, callOther(o.call, "WithContextDialer", name+"(", ")")...)...)
		}
		return nil, err
	},
}

// dialLiteral gives a function literal the parameters of a dialer with a context. ok
// is false for anything else, and for a literal that is better left whole.
func (f *file) dialLiteral(e ast.Expr) (edits []analysis.TextEdit, ok bool) {
	lit, ok := e.(*ast.FuncLit)
	if !ok || f.commented(lit.Type.Params.Opening, lit.Type.Params.Closing) {
		return nil, false
	}
	var params []*ast.Ident
	for _, field := range lit.Type.Params.List {
		params = append(params, field.Names...)
	}
	addr, used := "_", []*ast.Ident(nil)
	if len(params) == 2 {
		addr, used = params[0].Name, f.usesOf(params[1])
	}
	context, edits := f.contextAt(lit.Pos())
	stringType := f.text(lit.Type.Params.List[0].Type)
	signature := func(ctx string) analysis.TextEdit {
		return replace(lit.Type.Params.Opening, lit.Type.Params.Closing+1,
			fmt.Sprintf("(%s %s.Context, %s %s)", ctx, context, addr, stringType))
	}
	if len(used) == 0 {
		return append(edits, signature("_")), true
	}
	fresh := f.freshIn(lit)
	ctx, timeout := fresh("ctx"), params[1].Name
	if dial := f.onlyDial(lit, used); dial != nil {
		network := f.text(ast.Unparen(dial.Fun).(*ast.SelectorExpr).X)
		return append(edits, signature(ctx), replace(dial.Fun.Pos(), dial.Lparen+1, "(&"+network+".Dialer{}).DialContext("+ctx+", "),
			replace(dial.Args[1].End(), dial.Rparen, "")), true
	}
	if !f.anyRead(used) {
		return nil, false
	}
	preamble, more := f.timeoutOf(lit.Body.Lbrace+1, ctx, timeout, fresh)
	if f.line(lit.Body.Lbrace) == f.line(lit.Body.Rbrace) {
		preamble += "\n"
	}
	return append(append(edits, more...), signature(ctx), replace(lit.Body.Lbrace, lit.Body.Lbrace+1, "{"+preamble)), true
}

// timeoutOf declares a timeout and sets it to what is left until the deadline of ctx.
func (f *file) timeoutOf(at token.Pos, ctx, timeout string, fresh func(string) string) (string, []analysis.TextEdit) {
	time, imports := f.nameAt(at, "time")
	deadline, ok := fresh("deadline"), fresh("ok")
	return fmt.Sprintf("\nvar %s %s.Duration\nif %s, %s := %s.Deadline(); %s {\n%s = %s.Until(%s)\n}",
		timeout, time, deadline, ok, ctx, ok, timeout, time, deadline), imports
}

// contextAt is nameAt of package context. The package of that name in x/net, which old
// code has, is as good.
func (f *file) contextAt(at token.Pos) (string, []analysis.TextEdit) {
	const old = "golang.org/x/net/context"
	if f.imported(old) != nil {
		if name, edits := f.nameAt(at, old); len(edits) == 0 {
			return name, nil
		}
	}
	return f.nameAt(at, "context")
}

// onlyDial returns the call of net.DialTimeout to which the first statement of a
// literal hands the timeout, if nothing else uses it.
func (f *file) onlyDial(lit *ast.FuncLit, used []*ast.Ident) *ast.CallExpr {
	if len(used) != 1 || len(lit.Body.List) == 0 {
		return nil
	}
	call, ok := f.parents[used[0]].(*ast.CallExpr)
	if !ok || !f.isCall(call, "net", "DialTimeout") || len(call.Args) != 3 || call.Args[2] != used[0] ||
		f.commented(call.Args[1].End(), call.Rparen) {
		return nil
	}
	if _, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); !ok {
		return nil
	}
	switch s := f.parents[call].(type) {
	case *ast.ReturnStmt:
		if s == lit.Body.List[0] {
			return call
		}
	case *ast.AssignStmt:
		if s == lit.Body.List[0] {
			return call
		}
	}
	return nil
}

// anyRead says whether a use of a variable is more than an assignment to it: a
// variable that is only assigned to does not compile, where a parameter does.
func (f *file) anyRead(uses []*ast.Ident) bool {
	for _, id := range uses {
		s, ok := f.parents[id].(*ast.AssignStmt)
		if !ok || s.Tok != token.ASSIGN || id.Pos() > s.TokPos {
			return true
		}
	}
	return false
}

// freshIn makes names that nothing in e has, nor another one that was made.
func (f *file) freshIn(e ast.Expr) func(base string) string {
	taken := make(map[string]bool)
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			taken[id.Name] = true
		}
		return true
	})
	return func(base string) string {
		name := base
		for n := 2; taken[name]; n++ {
			name = strings.TrimRight(base, "0123456789") + strconv.Itoa(n)
		}
		taken[name] = true
		return name
	}
}
