package migrate

import (
	"bytes"
	"go/ast"
	"go/token"
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

func (f *file) dropElems(elems []ast.Expr, indexes []int) {
	dropped := make(map[int]bool)
	lastComma := true
	for _, i := range indexes {
		dropped[i] = true
		lastComma = f.cut(f.offset(elems[i].Pos()), f.offset(elems[i].End()), token.COMMA)
	}
	if lastComma {
		return
	}
	for i := len(elems) - 1; i >= 0; i-- { // the comma before what was last
		if !dropped[i] {
			f.dropComma(elems[i], elems[i+1:])
			return
		}
	}
}

// dropComma takes out the comma between the element that is last now and those
// that were behind it, unless a line ends in between: there it has to stay.
func (f *file) dropComma(last ast.Expr, behind []ast.Expr) {
	at, _ := f.separator(f.offset(last.End()), token.COMMA)
	end := f.offset(behind[0].Pos())
	all := f.src[at+1 : f.offset(behind[len(behind)-1].Pos())]
	switch gap := f.src[at+1 : end]; {
	case bytes.Contains(all, []byte("\n")) && (len(behind) > 1 || !blank(gap)):
		return
	case !blank(gap):
		end = at + 1
	}
	f.edits = append(f.edits, edit{at, end, ""})
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
