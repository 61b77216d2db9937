package adapter

// The types that package grpc had. Users implement Balancer; resolver.go, policy.go
// and picker.go call it.

import (
	"context"
	"net"

	"google.golang.org/grpc/credentials"
)

// Address is one server that a [Balancer] wants connected.
//
// Two Addresses are the same when Addr is equal and Metadata has equal
// content. In grpc-go v1.29.1 Metadata was compared with ==, so that a map
// panicked and a fresh pointer to equal content made another connection.
//
// Deprecated: use google.golang.org/grpc/resolver.Address.
type Address struct {
	// Addr is what the dialer is given, usually "host:port".
	Addr string
	// Metadata is what the resolver said about Addr; the adapter hands it to
	// the Balancer and does not read it otherwise.
	Metadata interface{}
}

// BalancerConfig is what Balancer.Start learns about the ClientConn, for
// balancers that call a remote load balancer of their own.
//
// Deprecated: use google.golang.org/grpc/balancer.BuildOptions.
type BalancerConfig struct {
	// DialCreds is a copy of the ClientConn's transport credentials; nil when
	// the ClientConn is insecure.
	DialCreds credentials.TransportCredentials
	// Dialer connects as the ClientConn does. It is never nil.
	Dialer func(context.Context, string) (net.Conn, error)
}

// BalancerGetOptions says how Balancer.Get is called.
//
// Deprecated: use google.golang.org/grpc/balancer.PickInfo.
type BalancerGetOptions struct {
	// BlockingWait asks Get to wait for a connected address instead of
	// failing. [WithBalancer] always leaves it false and waits itself, because
	// grpc-go no longer tells a picker whether an RPC waits for ready.
	BlockingWait bool
}

// Balancer chooses the address of each RPC: the interface of the same name
// that package grpc had up to v1.29.1 (balancer.go there).
//
// The adapter calls Start, Notify and Close once per connection of the
// ClientConn to the name system: at Dial, and again when a ClientConn that was
// idle wakes up. Up and the functions it returns are called one at a time; Get
// and put are called by the goroutines of the RPCs, concurrently. None of them
// is called with a lock of this package held.
//
// Deprecated: use google.golang.org/grpc/balancer.Balancer, or
// google.golang.org/grpc/balancer/base for one that only picks.
type Balancer interface {
	// Start begins the work for target, the endpoint of the dial target byte
	// for byte. When it fails, RPCs fail with its error and it is called again,
	// with backoff.
	Start(target string, config BalancerConfig) error
	// Up says that addr is connected. The function it returns, if any, is
	// called once when the connection is lost or closed; when the ClientConn is
	// closed, before Close. Neither may call ClientConn.Close, which waits for them.
	Up(addr Address) (down func(error))
	// Get returns the address for an RPC and a function, if any, that is
	// called once when that RPC is over. If it returns an Unavailable status, a
	// fail-fast RPC fails, and one that waits for ready waits and asks again. If it
	// returns an address that is not known, every RPC waits and asks again. Every
	// other error ends the RPC.
	Get(ctx context.Context, opts BalancerGetOptions) (addr Address, put func(), err error)
	// Notify returns the channel that carries the full list of addresses to
	// be connected each time it changes. A nil channel means that the target
	// itself is the only address. The channel is read until Close has returned.
	Notify() <-chan []Address
	// Close ends the work, also after a Start that failed. The ClientConn waits
	// for it for a second. No RPC calls Get after it, but one may call Get while
	// Close runs.
	Close() error
}
