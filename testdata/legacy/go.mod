module example.com/legacy

go 1.12

require (
	github.com/hashicorp/consul/api v1.3.0
	golang.org/x/net v0.0.0-20190311183353-d8887717615a
	google.golang.org/grpc v1.26.0
)

// etcd does not build with anything newer.
replace google.golang.org/grpc => google.golang.org/grpc v1.26.0
