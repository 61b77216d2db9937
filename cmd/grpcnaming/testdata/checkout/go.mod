// A stand-in for a checkout of this module, for the scripts to pass to -replace:
// it needs nothing but what ../proxy has.
module github.com/grpcnaming/grpcnaming

go 1.25.0

require google.golang.org/grpc v1.63.3

require google.golang.org/genproto/googleapis/rpc v0.0.0-20240227224415-6ceb2ff114de // indirect
