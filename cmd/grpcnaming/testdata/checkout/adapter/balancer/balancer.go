// Package balancer stands in for the package of that path.
package balancer

import (
	"context"

	"google.golang.org/grpc/balancer"
)

type PickInfo = balancer.PickInfo

type SubConn interface{ Connect() }

type DoneInfo struct{ Err error }

type Picker interface {
	Pick(ctx context.Context, info PickInfo) (SubConn, func(DoneInfo), error)
}
