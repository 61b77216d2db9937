package migrate

import (
	"bytes"
	"go/ast"
	"go/token"
)

const idleReason = "channels did not go idle in grpc-go v1.29; now one without RPCs for 30 minutes closes its balancer and starts it again, which this one may not be made for"

// addIdleTimeout puts grpc.WithIdleTimeout(0) beside a WithBalancer whose
// balancer is not visibly a RoundRobin. It is asked once, when WithBalancer is
// rewritten: whoever takes the option out again is not asked again.
func addIdleTimeout(f *file) {
	if f.opts.KeepIdle {
		return
	}
	for _, r := range f.refs {
		if !r.is(grpcPath, "WithBalancer") || f.uses(r.sel, "WithIdleTimeout") {
			continue
		}
		call, ok := f.parents[r.sel].(*ast.CallExpr)
		if !ok || call.Fun != r.sel {
			f.report(r.sel.Pos(), LinkRead, idleReason, "where it is called, add grpc.WithIdleTimeout(0) beside it unless the balancer can start twice")
			continue
		}
		if len(call.Args) == 1 {
			if b := f.refOf(call.Args[0]); b.is(grpcPath, "RoundRobin") || b.is(adapterPath, "RoundRobin") {
				continue
			}
		}
		if !f.addOption(r, call, "WithIdleTimeout(0)") {
			f.report(r.sel.Pos(), LinkRead, idleReason, "where this option is used, add grpc.WithIdleTimeout(0) beside it unless the balancer can start twice")
		}
	}
}

// addOption puts an option of package grpc behind the call of r, if that stands in
// a list which may grow.
func (f *file) addOption(r *ref, call *ast.CallExpr, option string) bool {
	if _, ok := f.listOf(call); !ok {
		return false
	}
	text := ", "
	if indent, first := f.indent(call.Pos()); first && !f.commentBehind(call.End()) {
		text = "," + f.newline() + indent
	}
	f.replace(call.End(), call.End(), text+r.from.name+"."+option)
	f.site(r.sel, f.text(r.sel))
	r.from.kept++
	return true
}

// uses says whether the function around n uses an option of package grpc.
func (f *file) uses(n ast.Node, option string) bool {
	for _, r := range f.refs {
		if r.is(grpcPath, option) && f.around(r.sel) == f.around(n) {
			return true
		}
	}
	return false
}

// commentBehind says whether a comment follows on the line that p is on.
func (f *file) commentBehind(p token.Pos) bool {
	line, _, _ := bytes.Cut(f.src[f.offset(p):], []byte("\n"))
	return f.hasComment(p, p+token.Pos(len(line)))
}
