package adapter

// One RPC: Get, the connection, put. The goroutines of the RPCs call it, many at a
// time. It owns nothing and takes no lock but that of the routes.

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/contain"
)

// picker asks the v1 Balancer for the address of each RPC and finds the SubConn
// of it.
type picker struct {
	bridge  *bridge
	routes  *routes
	refused func() // has grpc pick again soon
}

// Pick follows balancer_v1_wrapper.go of grpc-go v1.29.1.
func (p *picker) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	if p.bridge.closing.Load() {
		// Grpc closes the resolver, and so the Balancer, before it takes the
		// picker away. When it does, it says so to the RPCs itself.
		return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
	}
	a, put, err := p.bridge.balancer.Get(info.Ctx, BalancerGetOptions{})
	if err != nil {
		p.refused()
		return balancer.PickResult{}, pickError(p.bridge.explainGet(err))
	}
	c := p.routes.find(a)
	state := connectivity.Connecting // also of an address that was just removed
	if c != nil {
		state = connectivity.State(c.state.Load())
	}
	if state == connectivity.Ready {
		result := balancer.PickResult{SubConn: c.subConn}
		if put != nil {
			result.Done = func(balancer.DoneInfo) { p.put(put) }
		}
		return result, nil
	}
	if put != nil {
		p.put(put)
	}
	p.refused()
	if state == connectivity.TransientFailure {
		// Not %w: a status that the dialer returned is not the RPC's.
		return balancer.PickResult{}, fmt.Errorf("no connection to %q: %v", a.Addr, *c.err.Load())
	}
	return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
}

// put calls what Get returned. If an RPC ends while nobody waits for it, grpc calls
// put on a goroutine of its own.
func (p *picker) put(put func()) {
	_ = contain.Call(p.bridge.balancer, "Get's put", func() error { put(); return nil })
}

// pickError makes grpc treat an error of Get as v1.29.1 did. Unavailable becomes an
// error that is no status: fail-fast RPCs fail with Unavailable and the same text, and
// those that wait for ready go on waiting. Every other status ends both kinds. An error
// that is no status becomes Unknown.
//
// Lost on the way: the codes that gRFC A54 forbids to control planes (InvalidArgument,
// NotFound, AlreadyExists, FailedPrecondition, Aborted, OutOfRange, DataLoss) reach the
// caller as Internal.
func pickError(err error) error {
	s, ok := status.FromError(err)
	switch {
	case ok && s.Code() == codes.Unavailable:
		return errors.New(s.Message())
	case ok:
		return err
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return status.FromContextError(err).Err()
	}
	return status.Error(codes.Unknown, err.Error())
}
