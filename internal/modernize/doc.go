// Package modernize takes code from what grpc-go and this module have deprecated to
// what takes its place. There is one analyzer per rewrite, each in a file of its own,
// and each works by itself: [Analyzers] has them for go vet -vettool. [Run] applies
// all of them to a program, again and again until nothing changes.
//
// A diagnostic is of one of three kinds, which its Category tells: a rewrite that
// leaves behaviour as it is, a rewrite that changes what its message names
// ([Changes]), or something that is left to the reader ([Left]).
package modernize
