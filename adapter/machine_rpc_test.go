package adapter

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	grpcmetadata "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
)

type rpcKey struct{}

// machineRPC is one RPC of a machine, and what the Balancer has said to it.
type machineRPC struct {
	id      string
	cancel  func()
	release chan struct{} // lets the handler return
	arrived atomic.Int32  // handlers that it is in at the moment
	done    chan struct{} // closed when what follows is set
	server  string
	err     error

	mu    sync.Mutex
	picks []*pick

	checked bool // for good; belongs to the machine
}

// pick is what one Get with an address has led to.
type pick struct {
	addr Address
	puts atomic.Int32
}

func (r *machineRPC) picked(a Address) *pick {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := &pick{addr: a}
	r.picks = append(r.picks, p)
	return p
}

// open counts the picks whose put is still to be called.
func (r *machineRPC) open() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.picks {
		if p.puts.Load() == 0 {
			n++
		}
	}
	return n
}

func (r *machineRPC) last() *pick {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.picks) == 0 {
		return nil
	}
	return r.picks[len(r.picks)-1]
}

func (r *machineRPC) isDone() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// rpcs are the RPCs of a machine, and the server that answers them.
type rpcs struct {
	mu   sync.Mutex
	all  map[string]*machineRPC
	next int
}

// rest lists those that have not been checked for good.
func (r *rpcs) rest() (list []*machineRPC) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rpc := range r.all {
		if !rpc.checked {
			list = append(list, rpc)
		}
	}
	return list
}

const peerHeader = "peer-address"

// intercept says who was dialled, and keeps an RPC that wants to be held.
func (r *rpcs) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
	p, _ := peer.FromContext(ctx)
	md, _ := grpcmetadata.FromIncomingContext(ctx)
	r.mu.Lock()
	rpc := r.all[md.Get("rpc")[0]]
	r.mu.Unlock()
	rpc.arrived.Add(1)
	defer rpc.arrived.Add(-1)
	select {
	case <-rpc.release:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if err := grpc.SetHeader(ctx, grpcmetadata.Pairs(peerHeader, p.Addr.String())); err != nil {
		return nil, err
	}
	return h(ctx, req)
}

// begin starts an RPC on a goroutine of its own.
func (r *rpcs) begin(conn *grpc.ClientConn, held bool, opts ...grpc.CallOption) *machineRPC {
	r.mu.Lock()
	r.next++
	rpc := &machineRPC{id: fmt.Sprint(r.next), release: make(chan struct{}), done: make(chan struct{})}
	r.all[rpc.id] = rpc
	r.mu.Unlock()
	if !held {
		close(rpc.release)
	}
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), rpcKey{}, rpc))
	rpc.cancel = cancel
	ctx = grpcmetadata.AppendToOutgoingContext(ctx, "rpc", rpc.id)
	go func() {
		defer close(rpc.done)
		defer cancel()
		var header grpcmetadata.MD
		_, rpc.err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Header(&header))...)
		if v := header.Get(peerHeader); len(v) > 0 {
			rpc.server = v[0]
		}
	}()
	return rpc
}
