// Package v1291 has the benchmarks of testdata/bench that have a counterpart in
// grpc-go v1.29.1, under the same names, so that benchstat compares them.
package v1291
