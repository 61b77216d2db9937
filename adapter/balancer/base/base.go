package base

import (
	"context"

	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

// PickerBuilder makes the Picker of the SubConns that are ready.
//
// Deprecated: use PickerBuilder of google.golang.org/grpc/balancer/base.
type PickerBuilder interface {
	// Build is called when a SubConn becomes ready or is no longer. There may be none.
	Build(readySCs map[resolver.Address]balancer.SubConn) balancer.Picker
}

// V2PickerBuilder makes a V2Picker instead.
//
// Deprecated: use PickerBuilder of google.golang.org/grpc/balancer/base.
type V2PickerBuilder interface {
	// Build is called when a SubConn becomes ready or is no longer. There may be none.
	Build(info PickerBuildInfo) balancer.V2Picker
}

// What did not change since v1.29.1.
type (
	// PickerBuildInfo has the SubConns that are ready.
	//
	// Deprecated: use PickerBuildInfo of google.golang.org/grpc/balancer/base.
	//
	//go:fix inline
	PickerBuildInfo = base.PickerBuildInfo

	// SubConnInfo has the address of a SubConn.
	//
	// Deprecated: use SubConnInfo of google.golang.org/grpc/balancer/base.
	//
	//go:fix inline
	SubConnInfo = base.SubConnInfo

	// Config is for NewBalancerBuilderWithConfig and NewBalancerBuilderV2.
	//
	// Deprecated: use Config of google.golang.org/grpc/balancer/base.
	//
	//go:fix inline
	Config = base.Config
)

// NewBalancerBuilder returns a Builder of Balancers whose Pickers pb makes.
//
// Deprecated: use NewBalancerBuilder of google.golang.org/grpc/balancer/base.
func NewBalancerBuilder(name string, pb PickerBuilder) balancer.Builder {
	return NewBalancerBuilderWithConfig(name, pb, Config{})
}

// NewBalancerBuilderWithConfig is NewBalancerBuilder with a Config.
//
// Deprecated: use NewBalancerBuilder of google.golang.org/grpc/balancer/base.
func NewBalancerBuilderWithConfig(name string, pb PickerBuilder, config Config) balancer.Builder {
	return &builder{name: name, old: pb, config: config}
}

// NewBalancerBuilderV2 returns a Builder of Balancers whose V2Pickers pb makes.
//
// Deprecated: use NewBalancerBuilder of google.golang.org/grpc/balancer/base.
func NewBalancerBuilderV2(name string, pb V2PickerBuilder, config Config) balancer.Builder {
	return &builder{name: name, v2: pb, config: config}
}

// NewErrPicker returns a Picker whose answer is always err.
//
// Deprecated: use NewErrPicker of google.golang.org/grpc/balancer/base.
func NewErrPicker(err error) balancer.Picker { return errPicker{err} }

type errPicker struct{ err error }

func (p errPicker) Pick(context.Context, balancer.PickInfo) (balancer.SubConn, func(balancer.DoneInfo), error) {
	return nil, nil, p.err
}

// NewErrPickerV2 returns a V2Picker whose answer is always err.
//
// Deprecated: use NewErrPicker of google.golang.org/grpc/balancer/base.
//
//go:fix inline
func NewErrPickerV2(err error) balancer.V2Picker { return base.NewErrPicker(err) }
