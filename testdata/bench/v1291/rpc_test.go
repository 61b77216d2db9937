package v1291

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/naming"
	"google.golang.org/grpc/peer"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkRPC is unary RPCs through the original WithBalancer(RoundRobin).
func BenchmarkRPC(b *testing.B) {
	for _, backends := range measure.BackendCounts {
		b.Run(fmt.Sprintf("backends=%d", backends), func(b *testing.B) {
			conn, err := grpc.Dial("bench", grpc.WithInsecure(), grpc.WithBalancer(grpc.RoundRobin(list(measure.Backends(b, backends)))))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			measure.RPCs(b, backends, channel(conn))
		})
	}
}

func channel(conn *grpc.ClientConn) measure.Channel {
	client, request := healthpb.NewHealthClient(conn), &healthpb.HealthCheckRequest{}
	return measure.Channel{Impl: "v1291", Call: func(ctx context.Context, ask bool) (string, error) {
		if !ask {
			_, err := client.Check(ctx, request)
			return "", err
		}
		var p peer.Peer
		if _, err := client.Check(ctx, request, grpc.WaitForReady(true), grpc.Peer(&p)); err != nil {
			return "", err
		}
		return p.Addr.String(), nil
	}}
}

// list is a naming.Resolver of addresses that do not change.
type list []string

func (l list) Resolve(string) (naming.Watcher, error) {
	var updates []*naming.Update
	for _, addr := range l {
		updates = append(updates, add(addr))
	}
	return measure.NewWatcher([][]*naming.Update{updates}), nil
}

func add(addr string) *naming.Update { return &naming.Update{Op: naming.Add, Addr: addr} }
