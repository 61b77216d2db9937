// Package adapter runs balancers and naming resolvers written against grpc-go
// v1.29 and older on today's grpc-go, which has neither grpc.WithBalancer nor
// google.golang.org/grpc/naming.
//
// # Migration
//
// Change imports, and nothing else:
//
//	grpc.WithBalancer(grpc.RoundRobin(r))          // before
//	adapter.WithBalancer(adapter.RoundRobin(r))    // after
//
// Custom balancers implement [Balancer] as they implemented grpc.Balancer. The first
// step away from the old API is [NewBuilder]: it puts any naming.Resolver under grpc's
// own LB policies.
//
// # How it works
//
// [WithBalancer] is a resolver and an LB policy; [NewBuilder] is a resolver alone.
// The road of an update, from the name system to a connection:
//
//   - internal/follow calls Resolve and Next of the naming.Resolver, on a goroutine
//     of its own, and folds the updates into a set (internal/addrset).
//   - roundrobin.go sends the newest list to Notify's channel. Any other Balancer
//     begins here.
//   - resolver.go, the bridge, calls Start, reads that channel, and makes a
//     resolver.State of the newest list. (builder.go does it for NewBuilder.)
//   - policy.go keeps one SubConn per address, and calls Up and down as they become
//     ready and are lost.
//
// The road of an RPC:
//
//   - picker.go asks the Balancer's Get for an address, and finds the SubConn of
//     it (conn.go).
//   - roundrobin.go answers from a list of the addresses that are known and up.
//   - If there is no connection yet, grpc waits for the next picker, which policy.go
//     sends when a connection changes, and every 100 ms after a refusal.
//   - When the RPC is over, picker.go calls put.
//
// The user's methods are never called with a lock of this package held. If one panics
// where the user could not recover that, it is logged and treated as having failed
// (internal/contain).
//
// # Warnings
//
// A ClientConn without RPCs for 30 minutes goes idle, which old ones did not: it
// closes the Balancer and starts it again with the next RPC. RoundRobin can be
// started again. If your Balancer cannot, dial with grpc.WithIdleTimeout(0).
//
// grpc.WithDefaultServiceConfig and grpc.WithDisableServiceConfig need
// [WithBalancerAndServiceConfig] in place of WithBalancer.
//
// # Limitations
//
// docs/contract.md in the repository lists, situation by situation, what is as
// it was in v1.29.1, what is not, and what today's grpc-go does not let through.
package adapter
