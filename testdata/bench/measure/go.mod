// What the benchmarks on today's grpc-go and those on v1.29.1 have in common.
// It needs neither, so that both modules can use it.
module github.com/grpcnaming/grpcnaming/testdata/bench/measure

go 1.26.7
