module example.com/hosts

go 1.25.0

require (
	example.com/backend v0.0.0
	example.com/hostlist v0.0.0
	google.golang.org/grpc v1.29.1
)

replace (
	example.com/backend => ../backend
	example.com/hostlist => ../hostlist
)
