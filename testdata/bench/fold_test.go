package bench

import (
	"fmt"
	"testing"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkFold is Adds folded by RoundRobin.
func BenchmarkFold(b *testing.B) {
	b.Run("impl=ours", func(b *testing.B) {
		for _, batching := range measure.Batching {
			for _, n := range measure.FoldCounts {
				b.Run(fmt.Sprintf("batch=%s/adds=%d", batching, n), func(b *testing.B) {
					batches := measure.Batches(n, batching, add)
					measure.Fold(b, n, func() (<-chan []adapter.Address, func() error) {
						rr := adapter.RoundRobin(resolved{measure.NewWatcher(batches)})
						if err := rr.Start("bench", adapter.BalancerConfig{}); err != nil {
							b.Fatal(err)
						}
						return rr.Notify(), rr.Close
					})
				})
			}
		}
	})
}
