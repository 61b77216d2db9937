package main

// A module of the corpus: code that used the removed API.
type module struct {
	path, version string
	require       []string // what it was built with, where today's does not do
	migrated      []module // dependencies that are replaced by their migrated copies
	packages      []pkg    // that used the API
}

type pkg struct {
	path  string
	tests string // -run, those that need no more than this machine
}

// etcd 3.3.10 has a balancer of its own for its client. Its tests want servers
// that never answer the handshake, and etcd itself.
var etcd = module{path: "github.com/coreos/etcd", version: "v3.3.10+incompatible",
	require: []string{"github.com/ugorji/go@v1.1.1"},
	packages: []pkg{
		{"clientv3", "TestBalancerGet|TestDialNoTimeout"}, {"clientv3/naming", ""}, {"proxy/grpcproxy", ""},
	},
}

var corpus = []module{
	{path: "github.com/sercand/kuberesolver", version: "v1.0.0", packages: []pkg{{"", "."}}},
	etcd,
	{path: "github.com/cortexproject/cortex", version: "v0.4.0", packages: []pkg{{"pkg/querier/frontend", "."}}},
	{path: "github.com/google/trillian", version: "v1.2.1", migrated: []module{etcd},
		require: []string{"github.com/ugorji/go@v1.1.1", "google.golang.org/grpc@v1.85.0", "cloud.google.com/go/spanner@v1.96.1"}, packages: []pkg{
			{"monitoring/prometheus/etcdiscover", ""}, {"server", "."},
		}},
	{path: "google.golang.org/api", version: "v0.5.0", packages: []pkg{
		{"internal", "Pool"}, {"option", "."}, {"transport/grpc", "."},
	}},
}
