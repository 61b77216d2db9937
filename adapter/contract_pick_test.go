package adapter

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// Contract: "Fail-fast RPC, no address / all down: Unavailable". The error names
// what cannot be dialled, which does no harm to the others.
func TestContractFailFast(t *testing.T) {
	b := startBackends(t, 2)
	conn, w := dialScript(t)
	all := append(addrsOf(b...), "127.0.0.1")
	w.send(t, add(all...)...)
	callAll(t, conn, b...)
	b[0].Stop()
	b[1].Stop()
	untilUnavailable(t, conn, "no connection to", "refused")
	untilUnavailable(t, conn, `no connection to "127.0.0.1"`, "missing port")
	w.send(t, del(all...)...)
	untilUnavailable(t, conn, "there is no address available")
}

// Contract: "Wait-for-ready RPC, no address: waits", in each way to say so.
func TestContractWaitForReady(t *testing.T) {
	b := startBackends(t, 1)
	for name, opts := range map[string]struct {
		dial []grpc.DialOption
		call []grpc.CallOption
	}{
		"WaitForReady(true)":     {call: []grpc.CallOption{grpc.WaitForReady(true)}},
		"FailFast(false)":        {call: []grpc.CallOption{grpc.FailFast(false)}},
		"WithDefaultCallOptions": {dial: []grpc.DialOption{grpc.WithDefaultCallOptions(grpc.FailFast(false))}},
	} {
		t.Run(name, func(t *testing.T) {
			conn, w := dialScript(t, opts.dial...)
			w.send(t)
			done := waitingRPC(t, conn, opts.call...)
			w.send(t, add(b[0].Addr())...)
			mustSucceed(t, done)
		})
	}
}

// Contract: "Get returns an unknown address: RPC retries", a fail-fast one too. A
// v1 balancer may become willing without telling grpc, where Get would have blocked
// until then: RPCs are tried again, those that wait also after Unavailable.
func TestContractGetUnknownAddress(t *testing.T) {
	b := startBackends(t, 1)
	known := Address{Addr: b[0].Addr()}
	for name, test := range map[string]struct {
		addr Address
		err  error
		wait bool
	}{
		"unknown Addr":     {addr: Address{Addr: "127.0.0.1:1"}},
		"unknown Metadata": {addr: Address{Addr: known.Addr, Metadata: "just removed"}},
		"Unavailable":      {err: status.Error(codes.Unavailable, "warming up"), wait: true},
	} {
		t.Run(name, func(t *testing.T) {
			var asked atomic.Int32
			conn := dial(t, known.Addr, WithBalancer(&scriptBalancer{get: func() (Address, func(), error) {
				if asked.Add(1) < 4 {
					return test.addr, nil, test.err
				}
				return known, nil, nil
			}}))
			eventually(t, "the backend is connected", func() bool { return conn.GetState() == connectivity.Ready })
			call(t, conn, grpc.WaitForReady(test.wait))
			if n := asked.Load(); n != 4 {
				t.Errorf("Get was called %d times, want 4", n)
			}
		})
	}
}

// What Get's errors make of an RPC, see balancer_v1_wrapper.go of v1.29.1.
func TestGetErrors(t *testing.T) {
	b := startBackends(t, 1)
	for name, test := range map[string]struct {
		err   error
		want  codes.Code
		waits bool // an RPC that waits for ready does so
	}{
		"Unavailable":       {status.Error(codes.Unavailable, "none"), codes.Unavailable, true},
		"ResourceExhausted": {status.Error(codes.ResourceExhausted, "none"), codes.ResourceExhausted, false},
		"no status":         {errors.New("none"), codes.Unknown, false},
		"context":           {context.DeadlineExceeded, codes.DeadlineExceeded, false},
		"wrapped context":   {fmt.Errorf("asking the control plane: %w", context.Canceled), codes.Canceled, false},
		"closing":           {grpc.ErrClientConnClosing, codes.Canceled, false},
	} {
		t.Run(name, func(t *testing.T) {
			var willing atomic.Bool
			conn := dial(t, b[0].Addr(), WithBalancer(&scriptBalancer{get: func() (Address, func(), error) {
				if willing.Load() {
					return Address{Addr: b[0].Addr()}, nil, nil
				}
				return Address{}, nil, test.err
			}}))
			for _, wait := range []bool{false, true} {
				if wait && test.waits {
					done := waitingRPC(t, conn, grpc.WaitForReady(true))
					willing.Store(true)
					mustSucceed(t, done)
					return
				}
				_, err := backend.Call(testContext(t), conn, grpc.WaitForReady(wait))
				if status.Code(err) != test.want || !strings.Contains(err.Error(), status.Convert(test.err).Message()) {
					t.Errorf("RPC, waiting for ready %v: %v, want %v with %q", wait, err, test.want, test.err)
				}
			}
		})
	}
}

// Of an RPC that ends while nobody waits for it, grpc calls put on a goroutine of
// its own.
func TestPutThatPanics(t *testing.T) {
	b := startBackends(t, 1)
	balancer := &scriptBalancer{get: func() (Address, func(), error) {
		return Address{Addr: b[0].Addr()}, func() { panic("not mine") }, nil
	}}
	log := logged.Mark()
	conn := dial(t, b[0].Addr(), WithBalancer(balancer))
	ctx, cancel := context.WithCancel(testContext(t))
	defer cancel()
	_, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/nobody/Nothing", grpc.WaitForReady(true))
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the panic is logged", func() bool { return strings.Contains(log(), "scriptBalancer.Get's put panicked: not mine") })
}
