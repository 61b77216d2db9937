module google.golang.org/grpc/naming

go 1.25.0

require github.com/grpcnaming/grpcnaming v0.0.0

require google.golang.org/grpc v1.63.3 // indirect

replace github.com/grpcnaming/grpcnaming => ../..
