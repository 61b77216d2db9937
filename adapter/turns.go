package adapter

import (
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
)

// turns is the picker for a RoundRobin that nothing is wrapped around: it does
// what Get would do, with the same counter, and needs no look at a map to get
// from an address to its SubConn. What is not plain, it asks Get.
type turns struct {
	picker
	feed  *feed
	ready atomic.Pointer[[]balancer.SubConn] // nil until the first pick
}

func (t *turns) Pick(info balancer.PickInfo) (balancer.PickResult, error) {
	ready := t.ready.Load()
	if ready == nil {
		ready = t.list()
	}
	if n := uint32(len(*ready)); n > 0 && !t.feed.ended.Load() {
		return balancer.PickResult{SubConn: (*ready)[(t.feed.rr.turn.Add(1)-1)%n]}, nil
	}
	return t.picker.Pick(info)
}

// list is called by several picks at a time, perhaps. One that is gone from Ready
// when grpc uses the list is nobody's loss: there is another picker by then.
func (t *turns) list() *[]balancer.SubConn {
	all := t.policy.conns.now().list
	ready := make([]balancer.SubConn, 0, len(all))
	for _, c := range all {
		if c.is(connectivity.Ready) {
			ready = append(ready, c.subConn)
		}
	}
	t.ready.Store(&ready)
	return &ready
}
