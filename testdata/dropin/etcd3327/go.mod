module example.com/etcd3327

go 1.25.0

// etcd v3.3.27 has no go.mod that would name what it needs.
require (
	github.com/coreos/etcd v3.3.27+incompatible
	github.com/coreos/go-semver v0.3.0
	github.com/coreos/go-systemd v0.0.0-20191104093116-d3cd4ed1dbcf
	github.com/coreos/pkg v0.0.0-20220810130054-c7d1c02cb6cf
	github.com/gogo/protobuf v1.3.2
	github.com/golang/protobuf v1.5.4
	github.com/google/uuid v1.6.0
	go.uber.org/zap v1.17.0
)
