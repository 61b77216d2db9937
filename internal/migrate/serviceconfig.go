package migrate

// reportServiceConfig reports options that decide about the service config in
// a function that also uses WithBalancer, which works by one.
func reportServiceConfig(f *file) {
	for _, b := range f.refs {
		if !b.is(grpcPath, "WithBalancer") && !b.is(adapterPath, "WithBalancer") {
			continue
		}
		for _, r := range f.refs {
			if r.is(grpcPath, "WithDisableServiceConfig", "WithDefaultServiceConfig") && f.around(r.sel) == f.around(b.sel) && !f.reportedAt(r) {
				f.report(r.sel.Pos(), LinkRead, f.text(r.sel)+" does not go with WithBalancer, which needs a service config of its own",
					"write opts = append(opts, adapter.WithBalancerAndServiceConfig(b, json)...) in place of both")
			}
		}
	}
}

func (f *file) reportedAt(r *ref) bool {
	p := f.fset.PositionFor(r.sel.Pos(), false)
	for _, have := range f.reports {
		if have.Line == p.Line && have.Column == p.Column {
			return true
		}
	}
	return false
}
