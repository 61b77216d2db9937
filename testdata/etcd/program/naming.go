package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"sync/atomic"
	"time"

	"github.com/coreos/etcd/clientv3"
	etcdnaming "github.com/coreos/etcd/clientv3/naming"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/naming"
	"google.golang.org/grpc/peer"
)

const service = "backends"

// follow balances over backends that etcd has the addresses of, and lets them
// come and go.
func follow(c *clientv3.Client) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	r := &etcdnaming.GRPCResolver{Client: c}
	conn, err := grpc.DialContext(ctx, service, grpc.WithInsecure(), grpc.WithBalancer(grpc.RoundRobin(r)))
	if err != nil {
		return err
	}
	defer conn.Close()
	backends := make(map[string]*grpc.Server)
	var addrs []string
	come := func() error {
		server, addr, err := serveHealth()
		if err != nil {
			return err
		}
		backends[addr], addrs = server, append(addrs, addr)
		return r.Update(ctx, service, naming.Update{Op: naming.Add, Addr: addr, Metadata: "of " + addr})
	}
	leave := func() error {
		addr := addrs[0]
		addrs = addrs[1:]
		if err := r.Update(ctx, service, naming.Update{Op: naming.Delete, Addr: addr}); err != nil {
			return err
		}
		err := answered(ctx, conn, addrs)
		backends[addr].GracefulStop()
		return err
	}
	for _, step := range []func() error{come, come, come, leave, come, leave, leave, come, leave, leave} {
		if err := step(); err != nil {
			return err
		}
		if len(addrs) == 0 {
			break
		}
		if err := answered(ctx, conn, addrs); err != nil {
			return err
		}
		log.Printf("answered by %d backends", len(addrs))
	}
	return nil
}

var rpcs int64

// answered waits until RPCs are answered by these backends in turn, and by no other.
// None may fail meanwhile; without backends each waits.
func answered(ctx context.Context, conn *grpc.ClientConn, addrs []string) error {
	if len(addrs) == 0 {
		return unanswered(conn)
	}
	client := healthpb.NewHealthClient(conn)
	for {
		by := make(map[string]int)
		for i := 0; i < 4*len(addrs); i++ {
			var p peer.Peer
			if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{}, grpc.Peer(&p), grpc.WaitForReady(true)); err != nil {
				return fmt.Errorf("RPC %d: %v", atomic.LoadInt64(&rpcs), err)
			}
			atomic.AddInt64(&rpcs, 1)
			by[p.Addr.String()]++
		}
		right := 0
		for _, addr := range addrs {
			if by[addr] == 4 {
				right++
			}
		}
		if right == len(addrs) {
			return nil
		}
	}
}

// unanswered waits until RPCs fail as they do without an address.
func unanswered(conn *grpc.ClientConn) error {
	for i := 0; i < 1000; i++ {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		_, err := healthpb.NewHealthClient(conn).Check(ctx, &healthpb.HealthCheckRequest{})
		cancel()
		if err != nil {
			log.Print("without a backend: ", err)
			return nil
		}
	}
	return fmt.Errorf("RPCs are answered by a backend that is no longer registered")
}

func serveHealth() (*grpc.Server, string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", err
	}
	server := grpc.NewServer()
	healthpb.RegisterHealthServer(server, health.NewServer())
	go server.Serve(listener)
	return server, listener.Addr().String(), nil
}
