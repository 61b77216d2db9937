// Package balancer is google.golang.org/grpc/balancer as grpc-go v1.10 to v1.29
// had it, on today's grpc-go: the draft API of load balancers.
//
// # Migration
//
// Change imports, and nothing else:
//
//	import "google.golang.org/grpc/balancer"                              // before
//	import "github.com/grpcnaming/grpcnaming/adapter/balancer"            // after
//
// and google.golang.org/grpc/balancer/base likewise. What did not change is an
// alias of today's, so that its values pass between files that use this package
// and files that use grpc's. What changed is the old type.
//
// # How it works
//
// [Register] puts a bridge into grpc's own registry. When grpc builds it:
//
//   - bridge.go calls the old [Balancer], or [V2Balancer], as grpc calls the bridge.
//   - clientconn.go is the [ClientConn] that the old one is given. It connects again
//     what has lost its connection, and tells of states as v1.29.1 did.
//   - picker.go asks the old [Picker] for each RPC, on the goroutine of the RPC, and
//     makes of its errors what means to today's grpc what they meant to v1.29.1.
//
// [Get] finds old builders, and those of today's grpc, such as round_robin: today.go
// makes old Balancers of them, for old Balancers that have them as children.
//
// Methods of the user's are never called with a lock of this package held. One that
// panics on a goroutine of grpc's is logged and treated as having failed. Pick and
// done run unguarded, as before.
//
// # Warnings
//
// A ClientConn without RPCs for 30 minutes goes idle, which old ones did not: it
// closes the Balancer, and builds another with the next RPC. A Balancer that cannot
// do with that needs grpc.WithIdleTimeout(0).
//
// A Balancer must not call ClientConn.Close: it would wait for itself.
//
// # Limitations
//
// docs/contract-balancer.md in the repository lists, situation by situation, what is
// as it was in v1.29.1, what is not, and what today's grpc-go does not let through.
//
// Deprecated: in new code use google.golang.org/grpc/balancer. This package keeps
// old code running.
package balancer
