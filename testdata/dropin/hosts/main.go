// Command hosts balances over two backends that package hostlist names.
package main

import (
	"context"
	"fmt"
	"log"
	"time"

	"example.com/backend"
	"example.com/hostlist"
	"github.com/grpcnaming/grpcnaming/adapter"
	"google.golang.org/grpc"
)

func main() {
	a, err := backend.Start()
	if err != nil {
		log.Fatal(err)
	}
	b, err := backend.Start()
	if err != nil {
		log.Fatal(err)
	}
	r, err := hostlist.NewResolver()
	if err != nil {
		log.Fatal(err)
	}
	conn, err := grpc.Dial(a+","+b, grpc.WithInsecure(), adapter.WithBalancer(adapter.RoundRobin(r)))
	if err != nil {
		log.Fatal(err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if err := backend.Await(ctx, conn, a, b); err != nil {
		log.Fatal(err)
	}
	fmt.Println("balanced with grpc-go", backend.GRPCVersion())
}
