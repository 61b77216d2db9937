package migrate

import "go/ast"

const nameReason = "in grpc-go v1.29 a service config that the resolver found could not choose another LB policy than WithBalancerName; now it can"

// keepBalancerName puts grpc.WithDisableServiceConfig() beside a WithBalancerName,
// once, when that is rewritten. There is no single DialOption that keeps the LB
// policy and takes the rest of a resolver's service config.
func keepBalancerName(f *file) {
	for _, r := range f.refs {
		if !r.is(grpcPath, "WithBalancerName") || f.uses(r.sel, "WithDisableServiceConfig") {
			continue
		}
		if call, ok := f.parents[r.sel].(*ast.CallExpr); ok && call.Fun == r.sel && f.addOption(r, call, "WithDisableServiceConfig()") {
			continue
		}
		f.report(r.sel.Pos(), LinkRead, nameReason, "where this option is used, add grpc.WithDisableServiceConfig() beside it if its resolver sends service configs")
		f.reports[len(f.reports)-1].Note = true
	}
}
