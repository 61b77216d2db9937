package migrate

// movedToAdapter are the names of package grpc that package adapter has.
var movedToAdapter = []string{
	"Address", "Balancer", "BalancerConfig", "BalancerGetOptions", "RoundRobin", "WithBalancer", "WithBalancerName",
}

func toAdapter(f *file) {
	for _, r := range f.refs {
		if r.is(grpcPath, movedToAdapter...) {
			f.moveTo(r, adapterPath, "adapter", r.sel.Sel.Name)
		}
	}
}
