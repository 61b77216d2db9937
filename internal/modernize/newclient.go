package modernize

import (
	"go/ast"
	"go/token"
	"go/types"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"golang.org/x/tools/go/types/typeutil"
)

// NewClient replaces grpc.Dial and grpc.DialContext. It settles what is different: see
// NewClient and DialContext in grpc's clientconn.go.
//
//   - A target without a scheme goes to the dialer as it is, and not to DNS.
//   - Code that waits for the connection goes on waiting, in a function that it gets.
//   - NewClient connects with the first RPC, or with Connect.
var NewClient = &analysis.Analyzer{
	Name:             "newclient",
	Doc:              "replace grpc.Dial and grpc.DialContext by grpc.NewClient",
	RunDespiteErrors: true,
	Requires:         []*analysis.Analyzer{elsewhere},
	Run: func(pass *analysis.Pass) (any, error) {
		var todo []*newClient
		err := eachFile(pass, func(f *file) {
			f.dials(func(d *dial) {
				if d.name == "NewClient" {
					return
				}
				if n := d.newClient(); n != nil {
					todo = append(todo, n)
				}
			})
			f.values(grpcPath, func(id *ast.Ident, name string) {
				f.left(id, "grpc."+name+" is deprecated, and is used here as a value",
					"write grpc.NewClient, and the scheme passthrough:/// into targets that have none")
			}, "Dial", "DialContext")
		})
		hosts := make(map[string]*file)
		for _, n := range todo {
			for _, h := range n.helpers {
				if host := hosts[h.name]; host == nil || before(n.file, host) {
					hosts[h.name] = n.file
				}
			}
		}
		for _, n := range todo {
			n.finish(hosts)
		}
		return nil, err
	},
}

// before says that a is a better file for a function that both need: one that is no
// test, and then the first by name.
func before(a, b *file) bool {
	test := func(f *file) bool { return strings.HasSuffix(f.tok.Name(), "_test.go") }
	if test(a) != test(b) {
		return test(b)
	}
	return a.tok.Name() < b.tok.Name()
}

// newClient is what is to be done with a dial.
type newClient struct {
	*dial
	edits   []analysis.TextEdit
	notes   []string
	fun     func(names map[string]string) string // what is called instead, given the names of helpers
	helpers []*helper
	wrap    bool // the target is to go through the helper dialTarget
}

// waiting are the options that only a dial that waits heeds.
var waiting = []string{"WithBlock", "WithReturnConnectionError", "WithTimeout", "FailOnNonTempDialError"}

// newClient works out what becomes of a dial, or reports why nothing does.
func (d *dial) newClient() *newClient {
	kept := func(why, write string) *newClient {
		d.left(d.call, "grpc."+d.name+" is deprecated, and stays here: "+why, write)
		return nil
	}
	if grpc := typeutil.Callee(d.pass.TypesInfo, d.call).Pkg(); grpc.Scope().Lookup("NewClient") == nil {
		return kept("this grpc-go has no NewClient", "go get google.golang.org/grpc@latest")
	}
	if len(d.find(adapterPath, "WithBalancer", "WithBalancerAndServiceConfig")) > 0 {
		return kept("it has a balancer of the old kind", "see to that first")
	}
	if !d.seen && !d.nowhere(append(waiting, "WithBalancer", "WithBalancerAndServiceConfig")...) {
		return kept("it has options that are not seen from here, perhaps a balancer of the old kind, or grpc.WithBlock",
			"write grpc.NewClient if it has neither, and wait with Connect and WaitForStateChange if it has grpc.WithBlock")
	}
	gone := d.find(grpcPath, waiting...)
	blocks := d.find(grpcPath, "WithBlock", "WithReturnConnectionError")
	for _, o := range gone {
		if !o.alone || len(blocks) > 0 && !o.sure {
			return kept("it may wait for the connection or not", "write grpc.NewClient, and wait with Connect and WaitForStateChange where that is wanted")
		}
	}
	n := &newClient{dial: d}
	if len(blocks) == 0 {
		n.fun = func(map[string]string) string { return "" }
		n.notes = append(n.notes, "grpc.NewClient connects with the first RPC, or when Connect is called")
		if d.ctx != nil && !n.dropContext() {
			return kept("its context is used for nothing else", "write grpc.NewClient, and leave the context out")
		}
	} else if why := n.wait(gone); why != "" {
		return kept(why, "write grpc.NewClient, and wait with Connect and WaitForStateChange until a deadline")
	}
	n.edits = append(n.edits, d.without(gone)...)
	n.passthrough()
	return n
}

// wait makes n one that waits until it is connected.
func (n *newClient) wait(gone []*option) (problem string) {
	var timeout ast.Expr
	for _, o := range n.find(grpcPath, "WithTimeout") {
		timeout = o.expr.(*ast.CallExpr).Args[0] // the last counts
	}
	endless := timeout == nil
	if n.ctx != nil {
		ctx, _ := n.value(n.ctx)
		endless = endless && (n.isCall(ctx, "context", "Background") || n.isCall(ctx, "context", "TODO"))
	}
	for _, o := range n.find(grpcPath, "FailOnNonTempDialError") {
		arg := o.expr.(*ast.CallExpr).Args[0]
		if tv := n.pass.TypesInfo.Types[arg]; tv.Value != nil && tv.Value.String() == "false" {
			continue
		}
		if endless {
			return "FailOnNonTempDialError ends it, which nothing else does"
		}
		n.notes = append(n.notes, "a connection that is refused for good no longer ends the wait before its deadline")
	}
	if len(n.find(grpcPath, "WithReturnConnectionError")) > 0 {
		n.notes = append(n.notes, "the error when the wait is over no longer has that of the last connection")
	}
	n.helpers = append(n.helpers, dialReady)
	args := ""
	if n.ctx == nil {
		context, edits := n.nameAt(n.call.Pos(), "context")
		n.edits = append(n.edits, edits...)
		args = context + ".Background(), "
	}
	if timeout != nil {
		n.helpers = append(n.helpers, dialReadyWithin)
		within := n.text(timeout) + ", "
		if n.ctx != nil {
			n.edits = append(n.edits, insert(n.target.Pos(), within))
		} else {
			args += within
		}
	}
	if args != "" {
		n.edits = append(n.edits, insert(n.call.Args[0].Pos(), args))
	}
	n.fun = func(names map[string]string) string {
		if timeout != nil {
			return names[dialReadyWithin.name]
		}
		return names[dialReady.name]
	}
	return ""
}

// dropContext takes the context out of a dial that does not wait. A variable that
// nothing else uses goes, too; ok is false if it cannot.
func (n *newClient) dropContext() (ok bool) {
	n.edits = append(n.edits, replace(n.ctx.Pos(), n.target.Pos(), ""))
	id, isIdent := ast.Unparen(n.ctx).(*ast.Ident)
	if !isIdent {
		return true
	}
	v, isVar := n.pass.TypesInfo.Uses[id].(*types.Var)
	if !isVar || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return true
	}
	ids := n.idents(v)
	if len(ids) != 2 { // it is declared, and used here
		return true
	}
	decl, isAssign := n.parents[ids[0]].(*ast.AssignStmt)
	if !isAssign {
		_, isField := n.parents[ids[0]].(*ast.Field)
		return isField
	}
	_, inBlock := n.parents[decl].(*ast.BlockStmt)
	if decl.Tok != token.DEFINE || !inBlock {
		return false
	}
	if len(decl.Lhs) == 1 {
		if n.isCall(decl.Rhs[0], "context", "Background") || n.isCall(decl.Rhs[0], "context", "TODO") {
			n.edits = append(n.edits, n.cutStatement(decl)...)
		} else {
			n.edits = append(n.edits, replace(decl.Lhs[0].Pos(), decl.TokPos+2, "_ ="))
		}
		return true
	}
	if len(decl.Lhs) != 2 || len(decl.Rhs) != 1 {
		return false
	}
	cancel, isIdent := decl.Lhs[1].(*ast.Ident)
	if !isIdent || n.pass.TypesInfo.Defs[cancel] == nil {
		return false
	}
	if uses := n.idents(n.pass.TypesInfo.Defs[cancel]); len(uses) == 2 {
		if call, ok := n.parents[uses[1]].(*ast.CallExpr); ok {
			if deferred, ok := n.parents[call].(*ast.DeferStmt); ok {
				n.edits = append(append(n.edits, n.cutStatement(decl)...), n.cutStatement(deferred)...)
				return true
			}
		}
	}
	n.edits = append(n.edits, replace(decl.Lhs[0].Pos(), decl.Lhs[0].End(), "_"))
	return true
}

var (
	coreSchemes = []string{"dns", "passthrough", "unix", "unix-abstract"}
	plainTarget = regexp.MustCompile(`^[\w.-]*$|^[\w.-]*:\d+$|^\[[0-9a-fA-F:.%]+\]:\d+$`)
)

// passthrough sees to it that a target without a scheme goes to the dialer.
func (n *newClient) passthrough() {
	const prefix = "passthrough:///"
	t, constant := n.constant(n.target)
	scheme, _, _, slashes := n.scheme(n.target)
	switch first, _, _ := strings.Cut(t, ":"); {
	case slashes || constant && (strings.Contains(t, "://") || slices.Contains(coreSchemes, first)):
		if scheme == "dns" {
			n.notes = append(n.notes, "behind HTTPS_PROXY the proxy looks the name up, unless there is grpc.WithLocalDNSResolution()")
		}
	case constant && plainTarget.MatchString(t):
		if lit, ok := ast.Unparen(n.target).(*ast.BasicLit); ok {
			n.edits = append(n.edits, replace(lit.Pos(), lit.End(), strconv.Quote(prefix+t)))
		} else {
			n.prefix(prefix)
		}
	case n.noScheme(n.target):
		n.prefix(prefix)
	default:
		n.helpers = append(n.helpers, dialTarget)
		n.wrap = true
	}
}

func (n *newClient) prefix(prefix string) {
	text := strconv.Quote(prefix) + " + "
	if _, sum := n.target.(*ast.BinaryExpr); sum {
		n.edits = append(n.edits, insert(n.target.Pos(), text+"("), insert(n.target.End(), ")"))
		return
	}
	n.edits = append(n.edits, insert(n.target.Pos(), text))
}

// noScheme says that an expression is host:port, whatever the values.
func (n *newClient) noScheme(e ast.Expr) bool {
	e, _ = n.value(e)
	if n.isCall(e, "net", "JoinHostPort") {
		return true
	}
	call, ok := ast.Unparen(e).(*ast.CallExpr)
	if !ok || len(call.Args) > 0 {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || sel.Sel.Name != "String" {
		return false
	}
	t := n.typeOf(sel.X)
	return t != nil && (t.String() == "net.Addr" || t.String() == "*net.TCPAddr")
}

// finish reports the rewrite. hosts has the files that get the helpers.
func (n *newClient) finish(hosts map[string]*file) {
	names := make(map[string]string)
	for _, h := range n.helpers {
		name, edits := h.in(hosts[h.name], names)
		names[h.name] = name
		n.edits = append(n.edits, edits...)
	}
	fun := n.fun(names)
	if fun == "" {
		grpc, edits := n.nameAt(n.call.Pos(), grpcPath)
		n.edits = append(n.edits, edits...)
		fun = grpc + ".NewClient"
	}
	n.edits = append(n.edits, replace(n.call.Fun.Pos(), n.call.Fun.End(), fun))
	if n.wrap {
		n.edits = append(n.edits, insert(n.target.Pos(), names[dialTarget.name]+"("), insert(n.target.End(), ")"))
	}
	message := "grpc." + n.name + " is deprecated: use grpc.NewClient"
	if len(n.notes) > 0 {
		n.change(n.call, message+"; "+strings.Join(n.notes, "; "), n.edits...)
	} else {
		n.rewrite(n.call, message, n.edits...)
	}
}
