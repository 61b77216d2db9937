package v1291

import (
	"context"
	"fmt"
	"testing"

	"google.golang.org/grpc"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkGet is the original RoundRobin's Get, without a ClientConn around it.
func BenchmarkGet(b *testing.B) {
	b.Run("impl=v1291", func(b *testing.B) {
		for _, n := range measure.ReadyCounts {
			b.Run(fmt.Sprintf("ready=%d", n), func(b *testing.B) {
				rr := grpc.RoundRobin(resolved{measure.NewWatcher(measure.Batches(n, "one", add))})
				if err := rr.Start("bench", grpc.BalancerConfig{}); err != nil {
					b.Fatal(err)
				}
				defer rr.Close()
				for _, a := range <-rr.Notify() {
					rr.Up(a)
				}
				ctx := context.Background()
				measure.Picks(b, func() error {
					_, _, err := rr.Get(ctx, grpc.BalancerGetOptions{})
					return err
				})
			})
		}
	})
}
