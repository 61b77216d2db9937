package bench

import (
	"context"
	"fmt"
	"testing"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkGet is RoundRobin's Get, without a ClientConn around it.
func BenchmarkGet(b *testing.B) {
	b.Run("impl=ours", func(b *testing.B) {
		for _, n := range measure.ReadyCounts {
			b.Run(fmt.Sprintf("ready=%d", n), func(b *testing.B) {
				rr := adapter.RoundRobin(resolved{measure.NewWatcher(measure.Batches(n, "one", add))})
				if err := rr.Start("bench", adapter.BalancerConfig{}); err != nil {
					b.Fatal(err)
				}
				defer rr.Close()
				for _, a := range <-rr.Notify() {
					rr.Up(a)
				}
				ctx := context.Background()
				measure.Picks(b, func() error {
					_, _, err := rr.Get(ctx, adapter.BalancerGetOptions{})
					return err
				})
			})
		}
	})
}
