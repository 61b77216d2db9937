package naming

// AddressType is the kind of server behind an address that DNS gave.
//
// Deprecated: addresses of load balancers travel in
// google.golang.org/grpc/balancer/grpclb/state.State, those of backends in
// google.golang.org/grpc/resolver.State.
type AddressType uint8

const (
	// Backend is a server that answers RPCs.
	//
	// Deprecated: see [AddressType].
	Backend AddressType = iota
	// GRPCLB is a grpclb load balancer.
	//
	// Deprecated: see [AddressType].
	GRPCLB
)

// AddrMetadataGRPCLB is the Metadata, as a value and not a pointer, of every
// [Update] that [NewDNSResolver] made from a grpclb SRV record. Field order and
// types are those of grpc-go v1.29.1.
//
// Deprecated: use google.golang.org/grpc/balancer/grpclb/state.State.
type AddrMetadataGRPCLB struct {
	// AddrType is always GRPCLB in what the DNS resolver hands out.
	AddrType AddressType
	// ServerName is the target of the SRV record exactly as DNS spells it,
	// trailing dot included: the name that the load balancer proves to be its own.
	ServerName string
}
