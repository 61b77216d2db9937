module example.com/leaving

go 1.12

require (
	github.com/hashicorp/consul/api v1.3.0
	google.golang.org/grpc v1.29.1
)
