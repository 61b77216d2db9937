package main

// A module of the corpus: code that used the removed API.
type module struct {
	path, version string
	require       []string // what it was built with, where today's does not do
	dropin        bool     // it depends on code that imports google.golang.org/grpc/naming
	packages      []pkg    // that used the API
}

type pkg struct {
	path  string
	tests string // -run, those that need no more than this machine
}

var corpus = []module{
	{path: "github.com/sercand/kuberesolver", version: "v1.0.0", packages: []pkg{{"", "."}}},
	{path: "github.com/coreos/etcd", version: "v3.3.10+incompatible", require: []string{"github.com/ugorji/go@v1.1.1"}, packages: []pkg{
		{"clientv3", "Balancer|Dial"}, {"clientv3/naming", "."}, {"proxy/grpcproxy", "Register"},
	}},
	{path: "github.com/cortexproject/cortex", version: "v0.4.0", packages: []pkg{{"pkg/querier/frontend", "."}}},
	{path: "github.com/google/trillian", version: "v1.2.1", dropin: true,
		require: []string{"github.com/coreos/etcd@v3.3.10+incompatible", "github.com/ugorji/go@v1.1.1"}, packages: []pkg{
			{"server", "."}, {"monitoring/prometheus/etcdiscover", ""},
		}},
	{path: "google.golang.org/api", version: "v0.5.0", packages: []pkg{
		{"internal", "Pool"}, {"option", "."}, {"transport/grpc", "."},
	}},
}
