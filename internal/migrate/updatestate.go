package migrate

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"

	"github.com/grpcnaming/grpcnaming/internal/edit"
)

// returnErrors lets what stands for a resolver.ClientConn, a fake of a test
// mostly, return an error from UpdateState, as the method does now.
func returnErrors(f *file) {
	if f.pkg.info == nil {
		return
	}
	for _, d := range f.tree.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Recv == nil || fn.Body == nil || fn.Type.Results.NumFields() > 0 || fn.Type.Params.NumFields() != 1 || !f.hasMethod(fn, "NewAddress") {
			continue
		}
		param := flat(fn.Type.Params)[0]
		if fn.Name.Name == "NewServiceConfig" && f.text(param) == "string" {
			f.reportMissing(fn)
		}
		if fn.Name.Name != "UpdateState" || !f.mentions(param, resolverPath, "State") {
			continue
		}
		f.site(fn.Name, "UpdateState")
		f.replace(fn.Type.End(), fn.Type.End(), " error")
		returns := false
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncLit:
				return false
			case *ast.ReturnStmt:
				f.replace(n.End(), n.End(), " nil")
			}
			return true
		})
		if n := len(fn.Body.List); n > 0 {
			_, returns = fn.Body.List[n-1].(*ast.ReturnStmt)
		}
		if !returns {
			f.appendStatement(fn.Body, "return nil")
		}
	}
}

// reportMissing reports what stood for a resolver.ClientConn of old, all of which
// had NewServiceConfig, and lacks methods that came later.
func (f *file) reportMissing(fn *ast.FuncDecl) {
	var missing []string
	for _, m := range []string{"UpdateState", "ReportError", "ParseServiceConfig"} {
		if !f.hasMethod(fn, m) {
			missing = append(missing, m)
		}
	}
	if len(missing) > 0 {
		f.report(fn.Name.Pos(), linkGone, "this is no resolver.ClientConn any more: it lacks "+strings.Join(missing, ", "), "add them, or embed a resolver.ClientConn")
	}
}

// hasMethod says whether the type that fn is a method of has another.
func (f *file) hasMethod(fn *ast.FuncDecl, name string) bool {
	o, ok := f.pkg.info.Defs[fn.Name].(*types.Func)
	if !ok || o.Signature().Recv() == nil {
		return false
	}
	m, _, _ := types.LookupFieldOrMethod(o.Signature().Recv().Type(), true, o.Pkg(), name)
	_, ok = m.(*types.Func)
	return ok
}

// appendStatement puts a statement at the end of a block.
func (f *file) appendStatement(b *ast.BlockStmt, text string) {
	indent, first := f.indent(b.Rbrace)
	switch {
	case first:
		f.replace(b.Rbrace, b.Rbrace, "\t"+text+f.newline()+indent)
	case len(b.List) > 0:
		end := b.List[len(b.List)-1].End()
		if at, found := edit.Separator(f.src, f.offset(end), token.SEMICOLON); found {
			end += token.Pos(at + 1 - f.offset(end))
		} else {
			text = "; " + text
		}
		f.replace(end, end, text)
	default:
		f.replace(b.Rbrace, b.Rbrace, " "+text+" ")
	}
}
