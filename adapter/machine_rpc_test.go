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
	finish  func()                  // lets the handler return
	release chan struct{}           // closed by finish
	arrived atomic.Int32            // handlers that it is in at the moment
	puts    atomic.Int32            // that are outstanding
	picked  atomic.Pointer[Address] // whom Get named last
	done    chan struct{}           // closed when what follows is set
	server  string
	err     error

	checked bool // for good; belongs to the machine
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
	mu  sync.Mutex
	all map[string]*machineRPC
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

// intercept keeps an RPC that wants to be held.
func (r *rpcs) intercept(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
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
	return h(ctx, req)
}

// begin starts an RPC on a goroutine of its own.
func (r *rpcs) begin(conn *grpc.ClientConn, held bool, opts ...grpc.CallOption) *machineRPC {
	rpc := &machineRPC{release: make(chan struct{}), done: make(chan struct{})}
	rpc.finish = sync.OnceFunc(func() { close(rpc.release) })
	if !held {
		rpc.finish()
	}
	r.mu.Lock()
	rpc.id = fmt.Sprint(len(r.all) + 1)
	r.all[rpc.id] = rpc
	r.mu.Unlock()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), rpcKey{}, rpc))
	rpc.cancel = cancel
	ctx = grpcmetadata.AppendToOutgoingContext(ctx, "rpc", rpc.id)
	go func() {
		defer close(rpc.done)
		defer cancel()
		var server peer.Peer
		_, rpc.err = healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Peer(&server))...)
		if server.Addr != nil {
			rpc.server = server.Addr.String()
		}
	}()
	return rpc
}
