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

// BenchmarkRPC is unary RPCs through WithBalancer(RoundRobin) and through grpc's
// own round_robin, in turn.
func BenchmarkRPC(b *testing.B) {
	for _, backends := range measure.BackendCounts {
		b.Run(fmt.Sprintf("backends=%d", backends), func(b *testing.B) {
			addrs := measure.Backends(b, backends)
			ours, err := dialOurs(list(addrs))
			if err != nil {
				b.Fatal(err)
			}
			defer ours.Close()
			native, err := dialNative(nativeList(addrs))
			if err != nil {
				b.Fatal(err)
			}
			defer native.Close()
			measure.RPCs(b, backends, channel("ours", ours), channel("native", native))
		})
	}
}

func channel(impl string, conn *grpc.ClientConn) measure.Channel {
	client, request := healthpb.NewHealthClient(conn), &healthpb.HealthCheckRequest{}
	return measure.Channel{Impl: impl, Call: func(ctx context.Context, ask bool) (string, error) {
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
