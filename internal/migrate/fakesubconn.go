package migrate

import (
	"go/ast"
	"go/types"
)

// embedSubConns gives the methods that balancer.SubConn got since to what stands
// for one in a package of the draft, a fake of a test mostly.
func embedSubConns(f *file) {
	if f.pkg.info == nil || !f.pkg.draft.moves() {
		return
	}
	ast.Inspect(f.tree, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok || spec.Assign.IsValid() || !f.fakesSubConn(spec) {
			return true
		}
		s, ok := spec.Type.(*ast.StructType)
		if !ok || f.pkg.positional(f.pkg.info.Defs[spec.Name].Type()) {
			f.report(spec.Name.Pos(), linkGone, "this is no balancer.SubConn any more: it lacks methods", "embed a balancer.SubConn")
			return true
		}
		path := draftBalancerPath
		for _, i := range f.tree.Imports {
			if pathOf(i) == balancerPath { // which has become the draft's by now
				path = balancerPath
			}
		}
		field := f.nameAt(s.Pos(), path, "balancer") + ".SubConn"
		switch open := s.Fields.Opening + 1; {
		case s.Fields.NumFields() == 0:
			f.replace(open, open, " "+field+" ")
		case f.fset.Position(open).Line == f.fset.Position(s.Fields.List[0].Pos()).Line:
			f.replace(open, open, " "+field+";")
		default:
			indent, _ := f.indent(s.Fields.List[0].Pos())
			f.replace(open, open, f.newline()+indent+field)
		}
		f.site(spec.Name, "balancer.SubConn")
		return true
	})
}

// fakesSubConn says whether a type has the methods that a SubConn had, and has
// them of its own.
func (f *file) fakesSubConn(spec *ast.TypeSpec) bool {
	named, ok := f.pkg.info.Defs[spec.Name].(*types.TypeName)
	if !ok {
		return false
	}
	if s, ok := named.Type().Underlying().(*types.Struct); ok {
		for i := range s.NumFields() {
			if s.Field(i).Embedded() && s.Field(i).Name() == "SubConn" {
				return false
			}
		}
	}
	if types.IsInterface(named.Type()) {
		return false
	}
	method := func(name string) *types.Signature {
		m, index, _ := types.LookupFieldOrMethod(named.Type(), true, named.Pkg(), name)
		if fn, ok := m.(*types.Func); ok && len(index) == 1 {
			return fn.Signature()
		}
		return nil
	}
	address := legacy().packages[resolverPath].Scope().Lookup("Address").Type()
	connect, update := method("Connect"), method("UpdateAddresses")
	return connect != nil && connect.Params().Len() == 0 && update != nil && update.Params().Len() == 1 &&
		types.Identical(update.Params().At(0).Type(), types.NewSlice(address))
}

// positional says whether a literal of a type has values and no keys.
func (p *pkg) positional(t types.Type) (found bool) {
	for e, tv := range p.info.Types {
		if lit, ok := e.(*ast.CompositeLit); ok && len(lit.Elts) > 0 && types.Identical(tv.Type, t) {
			_, keyed := lit.Elts[0].(*ast.KeyValueExpr)
			found = found || !keyed
		}
	}
	return found
}
