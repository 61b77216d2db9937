package balancer_test

import (
	"context"
	"testing"

	today "google.golang.org/grpc/balancer"
	todaybase "google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
	"github.com/grpcnaming/grpcnaming/adapter/balancer/base"
	"github.com/grpcnaming/grpcnaming/internal/testdoc"
)

// Values of what did not change pass between the old API and today's.
var (
	_ *today.SubConn             = (*balancer.SubConn)(nil)
	_ *today.SubConnState        = (*balancer.SubConnState)(nil)
	_ *today.NewSubConnOptions   = (*balancer.NewSubConnOptions)(nil)
	_ *today.ClientConnState     = (*balancer.ClientConnState)(nil)
	_ *today.ConfigParser        = (*balancer.ConfigParser)(nil)
	_ *today.PickInfo            = (*balancer.PickInfo)(nil)
	_ *today.PickInfo            = (*balancer.PickOptions)(nil)
	_ *today.PickResult          = (*balancer.PickResult)(nil)
	_ *today.DoneInfo            = (*balancer.DoneInfo)(nil)
	_ *today.Picker              = (*balancer.V2Picker)(nil)
	_ *today.State               = (*balancer.State)(nil)
	_ *todaybase.PickerBuildInfo = (*base.PickerBuildInfo)(nil)
	_ *todaybase.SubConnInfo     = (*base.SubConnInfo)(nil)
	_ *todaybase.Config          = (*base.Config)(nil)
)

// What changed has the signatures of v1.26 and v1.29.1.
var (
	_ func(balancer.Builder)                                           = balancer.Register
	_ func(string) balancer.Builder                                    = balancer.Get
	_ func(error) error                                                = balancer.TransientFailureError
	_ func(string, base.PickerBuilder) balancer.Builder                = base.NewBalancerBuilder
	_ func(string, base.PickerBuilder, base.Config) balancer.Builder   = base.NewBalancerBuilderWithConfig
	_ func(string, base.V2PickerBuilder, base.Config) balancer.Builder = base.NewBalancerBuilderV2
	_ func(error) balancer.Picker                                      = base.NewErrPicker
	_ func(error) balancer.V2Picker                                    = base.NewErrPickerV2
	_ balancer.Picker                                                  = v120Picker{}
	_ base.PickerBuilder                                               = v120Picker{}
	_ func(*balancer.BuildOptions, int64, resolver.Target)             = func(o *balancer.BuildOptions, id int64, t resolver.Target) { o.ChannelzParentID, o.Target = id, t }
)

// v120Picker is written as it was before v1.26.
type v120Picker struct{}

func (v120Picker) Pick(context.Context, balancer.PickOptions) (balancer.SubConn, func(balancer.DoneInfo), error) {
	return nil, nil, balancer.ErrNoSubConnAvailable
}
func (p v120Picker) Build(map[resolver.Address]balancer.SubConn) balancer.Picker { return p }

func TestErrorsAreTodays(t *testing.T) {
	if balancer.ErrNoSubConnAvailable != today.ErrNoSubConnAvailable || balancer.ErrTransientFailure != today.ErrTransientFailure ||
		balancer.ErrBadResolverState != today.ErrBadResolverState {
		t.Error("an error is not today's")
	}
}

func TestContractDocument(t *testing.T) {
	testdoc.Contract(t, "../../docs/contract-balancer.md", "TestScenario", ".", "base")
}
