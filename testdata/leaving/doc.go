// Package leaving takes one program from grpc-go v1.29.1 to the shim and on to
// native code, and compares what its calls see at each of these stations, on a real
// Consul: make test-leaving.
package leaving
