package migrate

// importGRPCLB lets files import the balancer grpclb and its messages from where
// they are now.
func importGRPCLB(f *file) {
	for _, i := range f.imports {
		to := ""
		switch i.path {
		case grpcPath + "/grpclb":
			if i.refs == 0 && i.name == "_" {
				to = balancerPath + "/grpclb"
			}
		case grpcPath + "/grpclb/grpc_lb_v1", grpcPath + "/grpclb/grpc_lb_v1/messages", grpcPath + "/grpclb/grpc_lb_v1/service":
			to = balancerPath + "/grpclb/grpc_lb_v1"
		}
		if to != "" {
			f.site(i.spec, i.path)
			f.moveImport(i, to)
		}
	}
}
