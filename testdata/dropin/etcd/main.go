// Command etcd balances over backends that are registered in etcd by, and found
// with, clientv3/naming of etcd v3.3.27. The test puts that file, which is not
// kept here, into package etcdnaming.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"example.com/backend"
	etcdnaming "example.com/etcd/etcdnaming"
	"github.com/grpcnaming/grpcnaming/adapter"
	etcd "go.etcd.io/etcd/client/v3"
	"go.etcd.io/etcd/client/v3/naming/resolver"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/naming"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := run(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println("balanced with grpc-go", backend.GRPCVersion())
}

func run(ctx context.Context) error {
	var addrs []string
	for range 3 {
		addr, err := backend.Start(newStore().register)
		if err != nil {
			return err
		}
		addrs = append(addrs, addr)
	}
	client, err := etcd.New(etcd.Config{Endpoints: addrs[:1]})
	if err != nil {
		return err
	}
	defer client.Close()

	r := &etcdnaming.GRPCResolver{Client: client}
	if err := r.Update(ctx, "health", naming.Update{Op: naming.Add, Addr: addrs[1]}); err != nil {
		return err
	}
	conn, err := grpc.Dial("health", grpc.WithInsecure(), adapter.WithBalancer(adapter.RoundRobin(r)))
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := backend.Await(ctx, conn, addrs[1]); err != nil {
		return err
	}
	if err := r.Update(ctx, "health", naming.Update{Op: naming.Add, Addr: addrs[2]}); err != nil {
		return err
	}
	if err := backend.Await(ctx, conn, addrs[1:]...); err != nil {
		return err
	}
	if err := r.Update(ctx, "health", naming.Update{Op: naming.Delete, Addr: addrs[1]}); err != nil {
		return err
	}
	if err := backend.Await(ctx, conn, addrs[2]); err != nil {
		return err
	}
	return withoutUs(ctx, client, addrs[2])
}

// withoutUs finds what GRPCResolver has registered with etcd's own resolver.
func withoutUs(ctx context.Context, client *etcd.Client, addr string) error {
	b, err := resolver.NewBuilder(client)
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient("etcd:///health", grpc.WithResolvers(b),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	return backend.Await(ctx, conn, addr)
}
