module example.com/etcd

go 1.25.0

require (
	example.com/backend v0.0.0
	go.etcd.io/etcd/api/v3 v3.5.17
	go.etcd.io/etcd/client/v3 v3.5.17
	google.golang.org/grpc v1.63.3
)

replace example.com/backend => ../backend
