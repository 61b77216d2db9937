package migrate

// movedPackages are packages of grpc-go's that are elsewhere now.
var movedPackages = map[string]string{
	grpcPath + "/grpclb":                     balancerPath + "/grpclb",
	grpcPath + "/grpclb/grpc_lb_v1":          balancerPath + "/grpclb/grpc_lb_v1",
	grpcPath + "/grpclb/grpc_lb_v1/messages": balancerPath + "/grpclb/grpc_lb_v1",
	grpcPath + "/grpclb/grpc_lb_v1/service":  balancerPath + "/grpclb/grpc_lb_v1",
	grpcPath + "/test/grpc_testing":          grpcPath + "/interop/grpc_testing",
}

func importMoved(f *file) {
	for _, i := range f.imports {
		to := movedPackages[i.path]
		if to == "" || i.path == grpcPath+"/grpclb" && i.name != "_" { // it has other names now
			continue
		}
		f.site(i.spec, i.path)
		f.moveImport(i, to)
	}
}
