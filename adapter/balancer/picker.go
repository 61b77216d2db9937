package balancer

import (
	"errors"
	"fmt"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// oldPicker asks a Picker. It is what grpc calls for each RPC.
type oldPicker struct {
	old Picker
	cc  *clientConn
}

func (p *oldPicker) Pick(info PickInfo) (PickResult, error) {
	sc, done, err := p.old.Pick(info.Ctx, info)
	switch {
	case err == ErrTransientFailure:
		return PickResult{}, fmt.Errorf("%v, latest connection error: %v", err, p.cc.connectionError())
	case err != nil:
		return PickResult{}, pickError(err)
	}
	p.cc.picked(sc)
	return PickResult{SubConn: sc, Done: done}, nil
}

// v2Picker asks a V2Picker.
type v2Picker struct {
	old V2Picker
	cc  *clientConn
}

func (p *v2Picker) Pick(info PickInfo) (PickResult, error) {
	result, err := p.old.Pick(info)
	if err != nil {
		return PickResult{}, pickError(err)
	}
	p.cc.picked(result.SubConn)
	return result, nil
}

// pickError makes of a picker's error one that does to the RPC today what that did in
// v1.29.1. Today an error that is no status is a transient failure. Only a status
// itself was one, not an error that wraps it.
func pickError(err error) error {
	if err == ErrNoSubConnAvailable || err == ErrTransientFailure {
		return err
	}
	if t, ok := err.(interface{ IsTransientFailure() bool }); ok && t.IsTransientFailure() {
		return errors.New(err.Error())
	}
	if _, ok := err.(interface{ GRPCStatus() *status.Status }); ok {
		return err
	}
	return status.Error(codes.Unknown, err.Error())
}
