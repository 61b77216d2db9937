// Package bench measures the adapter and consulnaming against grpc's own policy,
// against the code that everybody copied, and against grpc-go v1.29.1
// (testdata/bench/v1291). README.md says how to run it.
package bench
