package migrate

import (
	"go/ast"
	"go/token"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// dropHandshake takes grpc.WithWaitForHandshake() out of lists of options: grpc
// always waits for the handshake.
func dropHandshake(f *file) {
	type drop struct {
		list    optionList
		indexes []int
	}
	var drops []*drop
	byNode := make(map[ast.Node]*drop)
	for _, r := range f.refs {
		if !r.is(grpcPath, "WithWaitForHandshake") {
			continue
		}
		call, ok := f.parents[r.sel].(*ast.CallExpr)
		list, inList := optionList{}, false
		if ok && call.Fun == r.sel {
			list, inList = f.listOf(call)
		}
		if !inList {
			f.report(r.sel.Pos(), linkGone, "grpc.WithWaitForHandshake is gone, as grpc always waits, and here it does not stand in a list that can do without it",
				"leave it out")
			continue
		}
		f.leave(r)
		f.site(r.sel, f.text(r.sel))
		if byNode[list.node] == nil {
			byNode[list.node] = &drop{list: list}
			drops = append(drops, byNode[list.node])
		}
		byNode[list.node].indexes = append(byNode[list.node].indexes, list.index)
	}
	for _, d := range drops {
		if f.dropAppend(d.list, len(d.indexes)) {
			continue
		}
		f.dropElems(d.list.elems, d.indexes)
	}
}

// dropElems is [edit.CutElements].
func (f *file) dropElems(elems []ast.Expr, indexes []int) {
	spans := make([]edit.Span, len(elems))
	for i, e := range elems {
		spans[i] = edit.Span{Start: f.offset(e.Pos()), End: f.offset(e.End())}
	}
	f.edits = append(f.edits, edit.CutElements(f.src, spans, indexes)...)
}

// dropAppend deals with an append that has nothing left to append: go vet
// objects to those. A statement x = append(x, ...) goes as a whole.
func (f *file) dropAppend(list optionList, n int) bool {
	call, ok := list.node.(*ast.CallExpr)
	if !ok || list.first != 1 || len(list.elems) != n+1 {
		return false
	}
	if id, ok := call.Fun.(*ast.Ident); !ok || id.Name != "append" {
		return false
	}
	if f.hasComment(call.Pos(), call.End()) {
		return false
	}
	if a, ok := f.parents[call].(*ast.AssignStmt); ok && a.Tok == token.ASSIGN && len(a.Lhs) == 1 && f.text(a.Lhs[0]) == f.text(call.Args[0]) {
		switch f.parents[a].(type) {
		case *ast.BlockStmt, *ast.CaseClause, *ast.CommClause:
			if c, ok := f.parents[a].(*ast.CommClause); !ok || c.Comm != a {
				f.cut(f.offset(a.Pos()), f.offset(a.End()), token.SEMICOLON)
				return true
			}
		}
	}
	f.replace(call.Pos(), call.Args[0].Pos(), "")
	f.replace(call.Args[0].End(), call.End(), "")
	return true
}

func (f *file) text(n ast.Node) string { return string(f.src[f.offset(n.Pos()):f.offset(n.End())]) }
