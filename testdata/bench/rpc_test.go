package bench

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/peer"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkRPC is unary RPCs through WithBalancer(RoundRobin), and through grpc's
// own round_robin.
func BenchmarkRPC(b *testing.B) {
	b.Run("impl=ours", func(b *testing.B) {
		rpc(b, func(addrs []string) (*grpc.ClientConn, error) { return dialOurs(list(addrs)) })
	})
	b.Run("impl=native", func(b *testing.B) {
		rpc(b, func(addrs []string) (*grpc.ClientConn, error) { return dialNative(nativeList(addrs)) })
	})
}

func rpc(b *testing.B, dial func(addrs []string) (*grpc.ClientConn, error)) {
	for _, backends := range measure.BackendCounts {
		b.Run(fmt.Sprintf("backends=%d", backends), func(b *testing.B) {
			conn, err := dial(measure.Backends(b, backends))
			if err != nil {
				b.Fatal(err)
			}
			defer conn.Close()
			client, request := healthpb.NewHealthClient(conn), &healthpb.HealthCheckRequest{}
			measure.UntilAllAnswer(b, backends, func(ctx context.Context) (string, error) {
				var p peer.Peer
				if _, err := client.Check(ctx, request, grpc.WaitForReady(true), grpc.Peer(&p)); err != nil {
					return "", err
				}
				return p.Addr.String(), nil
			})
			for _, callers := range measure.CallerCounts {
				b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
					measure.RPCs(b, callers, func(ctx context.Context) error {
						_, err := client.Check(ctx, request)
						return err
					})
				})
			}
		})
	}
}
