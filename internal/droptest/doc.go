// Package droptest holds tests alone. They take the programs of testdata/dropin,
// whose dependencies import google.golang.org/grpc/naming, along the road that
// MIGRATING.md describes, with the go command, and run them. The grpc-go that
// the programs are built with is the one that the tests are.
package droptest
