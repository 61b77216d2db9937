package balancer

import (
	"context"
	"net"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/channelz"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/resolver"
)

// What did not change since v1.29.1.
type (
	// SubConn is one connection, to one of a list of addresses.
	//
	// Deprecated: use SubConn of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	SubConn = balancer.SubConn

	// SubConnState is what UpdateSubConnState is told.
	//
	// Deprecated: use SubConnState of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	SubConnState = balancer.SubConnState

	// NewSubConnOptions are the options of ClientConn.NewSubConn. A SubConn with a
	// StateListener, which v1.29.1 did not have, behaves as it does today: only the
	// listener is told of its states, and it does not reconnect by itself.
	//
	// Deprecated: use NewSubConnOptions of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	NewSubConnOptions = balancer.NewSubConnOptions

	// ClientConnState is what UpdateClientConnState is told.
	//
	// Deprecated: use ClientConnState of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	ClientConnState = balancer.ClientConnState

	// ConfigParser may be implemented by a Builder, to be given its part of the
	// service config.
	//
	// Deprecated: use ConfigParser of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	ConfigParser = balancer.ConfigParser

	// PickInfo is what a Picker is told of the RPC.
	//
	// Deprecated: use PickInfo of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	PickInfo = balancer.PickInfo

	// PickOptions is the name that PickInfo had before v1.26.
	//
	// Deprecated: use PickInfo of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	PickOptions = balancer.PickInfo

	// PickResult is what a V2Picker answers.
	//
	// Deprecated: use PickResult of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	PickResult = balancer.PickResult

	// DoneInfo is what done is told when the RPC is over.
	//
	// Deprecated: use DoneInfo of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	DoneInfo = balancer.DoneInfo

	// V2Picker is today's Picker. Given to the [ClientConn] of this package, its
	// errors mean what they meant in v1.29.1: one that is no status, and does not
	// say that it is a transient failure, ends every RPC with the code Unknown.
	//
	// Deprecated: use Picker of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	V2Picker = balancer.Picker

	// State is what ClientConn.UpdateState takes.
	//
	// Deprecated: use State of google.golang.org/grpc/balancer.
	//
	//go:fix inline
	State = balancer.State
)

// The errors with a meaning of their own, the same values as today's.
var (
	// ErrNoSubConnAvailable makes an RPC wait for the next picker.
	//
	// Deprecated: use ErrNoSubConnAvailable of google.golang.org/grpc/balancer.
	ErrNoSubConnAvailable = balancer.ErrNoSubConnAvailable

	// ErrTransientFailure makes an RPC that waits for ready wait for the next
	// picker, and ends others with the code Unavailable.
	//
	// Deprecated: return an error that says why there is no connection.
	ErrTransientFailure = balancer.ErrTransientFailure

	// ErrBadResolverState is returned by UpdateClientConnState if the resolver
	// should look again.
	//
	// Deprecated: use ErrBadResolverState of google.golang.org/grpc/balancer.
	ErrBadResolverState = balancer.ErrBadResolverState
)

// TransientFailureError returns err with a method IsTransientFailure, which is
// true: from a picker it is treated as [ErrTransientFailure] is.
//
// Deprecated: pickers of google.golang.org/grpc/balancer return err itself.
func TransientFailureError(err error) error { return &transientFailure{err} }

type transientFailure struct{ error }

func (*transientFailure) IsTransientFailure() bool { return true }

// Builder makes Balancers.
//
// Deprecated: use Builder of google.golang.org/grpc/balancer.
type Builder interface {
	// Build is called once for each time that a ClientConn starts to use the policy.
	Build(cc ClientConn, opts BuildOptions) Balancer
	// Name is what service configs call the policy. Register and Get do not care
	// for upper and lower case.
	Name() string
}

// BuildOptions has more about the ClientConn that a Balancer is built for.
//
// Deprecated: use BuildOptions of google.golang.org/grpc/balancer.
type BuildOptions struct {
	// DialCreds and CredsBundle are the credentials that the ClientConn was dialled
	// with, or nil.
	DialCreds   credentials.TransportCredentials
	CredsBundle credentials.Bundle
	// Dialer is that of grpc.WithContextDialer, or nil.
	Dialer func(context.Context, string) (net.Conn, error)
	// ChannelzParentID is always 0: today's grpc shows no number. What
	// grpc.WithChannelzParentID takes today is ChannelzParent.
	ChannelzParentID int64
	// Target is what the resolver was given.
	Target resolver.Target

	// Authority, ChannelzParent and CustomUserAgent are new since v1.29.1.
	Authority       string
	ChannelzParent  channelz.Identifier
	CustomUserAgent string

	// The ClientConn of today's, for a child that is one of today's policies.
	cc balancer.ClientConn
}

// ClientConn is what a Balancer does things with. Its methods may be called by any
// goroutine. After Balancer.Close they do nothing.
//
// Deprecated: use ClientConn of google.golang.org/grpc/balancer.
type ClientConn interface {
	// NewSubConn makes a SubConn that connects when its Connect is called, or when
	// a picker returns it. From then on it connects again by itself.
	NewSubConn([]resolver.Address, NewSubConnOptions) (SubConn, error)
	// RemoveSubConn ends a SubConn as soon as its RPCs have ended. The Balancer is
	// told that it is in Shutdown.
	RemoveSubConn(SubConn)
	// UpdateBalancerState sets the state of the ClientConn and the Picker of the
	// RPCs that come, and of those that wait.
	//
	// Deprecated: use UpdateState.
	UpdateBalancerState(s connectivity.State, p Picker)
	// UpdateState does what UpdateBalancerState does.
	UpdateState(State)
	// ResolveNow asks the resolver to look again.
	ResolveNow(resolver.ResolveNowOptions)
	// Target is what the ClientConn was dialled with.
	//
	// Deprecated: use BuildOptions.Target.
	Target() string
}

// Picker chooses the SubConn of each RPC.
//
// Deprecated: use Picker of google.golang.org/grpc/balancer.
type Picker interface {
	// Pick is called on the goroutine of the RPC, by many at a time, and may block:
	// ctx is the RPC's.
	//
	// If conn is ready the RPC is sent on it, and done, unless it is nil, is called
	// when the RPC is over. If it is not, done is called at once and the RPC waits for
	// the next Picker.
	//
	// If err is ErrNoSubConnAvailable the RPC waits for the next Picker. If it is
	// ErrTransientFailure, or its method IsTransientFailure returns true, RPCs that
	// wait for ready do so too, and others are Unavailable. Every other error ends
	// the RPC, with its status, or as Unknown.
	Pick(ctx context.Context, info PickInfo) (conn SubConn, done func(DoneInfo), err error)
}

// Balancer is a load balancing policy of one ClientConn. Its methods are called
// one at a time.
//
// Deprecated: use Balancer of google.golang.org/grpc/balancer.
type Balancer interface {
	// HandleSubConnStateChange is called when the state of a SubConn changes.
	HandleSubConnStateChange(sc SubConn, state connectivity.State)
	// HandleResolvedAddrs is called with the addresses that the resolver has found.
	// The error is always nil: v1.29.1 told only a V2Balancer of errors.
	HandleResolvedAddrs([]resolver.Address, error)
	// Close ends the Balancer. Its SubConns need not be removed.
	Close()
}

// V2Balancer may be implemented by a Balancer. Then these methods are called, and
// those that begin with Handle are not.
//
// Deprecated: use Balancer of google.golang.org/grpc/balancer.
type V2Balancer interface {
	// UpdateClientConnState is called with what the resolver has found. The
	// resolver is given the error.
	UpdateClientConnState(ClientConnState) error
	// ResolverError is called with an error that the resolver reports.
	ResolverError(error)
	// UpdateSubConnState is called when the state of a SubConn changes.
	UpdateSubConnState(SubConn, SubConnState)
	// Close ends the Balancer. Its SubConns need not be removed.
	Close()
}
