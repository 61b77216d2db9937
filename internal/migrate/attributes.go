package migrate

import (
	"go/ast"
	"go/token"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// splitAttributes makes attributes one pair at a time.
func splitAttributes(f *file) {
	split := func(sel *ast.SelectorExpr, call *ast.CallExpr) bool {
		if call.Ellipsis.IsValid() || len(call.Args)%2 != 0 {
			f.report(sel.Sel.Pos(), linkGone, f.text(sel)+" takes one key and its value now", "write WithValue for each pair")
			return false
		}
		f.site(sel, f.text(sel))
		for i := 2; i < len(call.Args); i += 2 {
			at, _ := edit.Separator(f.src, f.offset(call.Args[i-1].End()), token.COMMA)
			end := at + 1
			for f.src[end] == ' ' {
				end++
			}
			f.edits = append(f.edits, edit.Edit{Start: at, End: end, Text: ").WithValue("})
		}
		return true
	}
	for _, r := range f.refs {
		if !r.is(attributesPath, "New") {
			continue
		}
		call, called := f.called(r.sel)
		switch {
		case !called:
			f.report(r.sel.Pos(), linkGone, f.text(r.sel)+" takes one key and its value now", "write attributes.New(key, value), and WithValue for each further pair")
		case len(call.Args) == 0: // nil has no values and takes some
			f.replace(call.Pos(), call.Pos(), "(*")
			f.replace(r.sel.Sel.Pos(), call.End(), "Attributes)(nil)")
			f.site(r.sel, f.text(r.sel))
		case len(call.Args) != 2 || call.Ellipsis.IsValid():
			split(r.sel, call)
		}
	}
	f.eachSelector(func(sel *ast.SelectorExpr, member string) {
		if member != "attributes.Attributes.WithValues" {
			return
		}
		call, called := f.called(sel)
		switch {
		case !called:
			f.report(sel.Sel.Pos(), linkGone, "the method WithValues is gone", "write WithValue, for one pair")
		case len(call.Args) == 0:
			f.replace(sel.X.End(), call.End(), "")
			f.site(sel, f.text(sel))
		case split(sel, call):
			f.replace(sel.Sel.Pos(), sel.Sel.End(), "WithValue")
		}
	})
}
