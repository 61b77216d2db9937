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
// Custom balancers implement [Balancer] as they implemented grpc.Balancer. Who
// wants to leave the old API takes the resolver along first: [NewBuilder] puts
// any naming.Resolver under grpc's own LB policies.
//
// # How it works
//
// [WithBalancer] is a resolver and an LB policy. The resolver starts the
// Balancer and hands the addresses that it names to grpc; the policy keeps one
// connection per address, tells the Balancer which are up, and asks it for each
// RPC. [NewBuilder] is a resolver alone.
//
// Methods of the user's are never called with a lock of this package held, and
// one that panics on a goroutine that the user could not guard is logged and
// treated as having failed.
//
// # Warnings
//
// A ClientConn without RPCs for 30 minutes goes idle, which old ones did not: it
// closes the Balancer and starts it again with the next RPC. RoundRobin can do
// that. If your Balancer cannot, dial with grpc.WithIdleTimeout(0).
//
// grpc.WithDefaultServiceConfig and grpc.WithDisableServiceConfig need
// [WithBalancerAndServiceConfig] in place of WithBalancer.
//
// # Limitations
//
// docs/contract.md in the repository lists, situation by situation, what is as
// it was in v1.29.1, what is not, and what today's grpc-go does not let through.
package adapter
