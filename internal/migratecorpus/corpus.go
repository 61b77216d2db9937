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
	tests string // -run, those of the API; "" for none
	skip  string // -skip of them, those that fail
	why   string // they fail, as far as known; printed below the table
}

// etcd 3.3.10 has a balancer of its own for its client.
var etcd = module{path: "github.com/coreos/etcd", version: "v3.3.10+incompatible",
	require: []string{"github.com/ugorji/go@v1.1.1"},
	packages: []pkg{
		{"clientv3", "Balancer|Dial", "TestDialCancel|TestDialTimeout|TestHealthBalancerGraylist|TestBalancerDoNotBlockOnClose",
			"four tests dial listeners that never answer the HTTP/2 handshake, or 254.0.0.1; grpc used to call such a connection up, " +
				"and now waits: not migrated, and with grpc-go v1.29.1, they fail too"},
		{"clientv3/naming", "", "", "its tests start an etcd server, which panics in today's golang/protobuf; make test-etcd has them run on a real etcd"},
		{"proxy/grpcproxy", "", "", "as clientv3/naming"},
	},
}

var corpus = []module{
	{path: "github.com/sercand/kuberesolver", version: "v1.0.0", packages: []pkg{{tests: "."}}},
	etcd,
	{path: "github.com/cortexproject/cortex", version: "v0.4.0", packages: []pkg{{path: "pkg/querier/frontend", tests: "."}}},
	{path: "github.com/google/trillian", version: "v1.2.1", migrated: []module{etcd},
		require: []string{"github.com/ugorji/go@v1.1.1", "google.golang.org/grpc@v1.85.0", "cloud.google.com/go/spanner@v1.96.1"}, packages: []pkg{
			{path: "monitoring/prometheus/etcdiscover"}, {path: "server", tests: "."},
		}},
	{path: "google.golang.org/api", version: "v0.5.0", packages: []pkg{
		{path: "internal", tests: "Pool"}, {path: "option", tests: "."}, {path: "transport/grpc", tests: "."},
	}},
}
