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
	state := connectivity.Connecting // what an address that was just removed is taken for
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
		// Not %w: a status that the dialer returned is none of the RPC's.
		return balancer.PickResult{}, fmt.Errorf("no connection to %q: %v", a.Addr, *c.err.Load())
	}
	return balancer.PickResult{}, balancer.ErrNoSubConnAvailable
}

// put calls what Get returned. Of an RPC that ends while nobody waits for it, grpc
// does so on a goroutine of its own.
func (p *picker) put(put func()) {
	_ = contain.Call(p.bridge.balancer, "Get's put", func() error { put(); return nil })
}

// pickError turns an error of Get into what makes grpc treat the RPC as v1.29.1
// did. Unavailable becomes an error that is no status: RPCs fail with
// Unavailable and the same text, but those that wait for ready go on waiting,
// as Get itself would have waited. Every other status ends both kinds; what is
// no status became Unknown.
//
// Lost on the way: codes that control planes may not use according to gRFC A54
// (InvalidArgument, NotFound, AlreadyExists, FailedPrecondition, Aborted,
// OutOfRange, DataLoss) reach the caller as Internal.
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
