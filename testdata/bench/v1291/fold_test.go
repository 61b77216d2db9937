package v1291

import (
	"fmt"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/naming"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// BenchmarkFold is Adds folded by the original RoundRobin.
func BenchmarkFold(b *testing.B) {
	b.Run("impl=v1291", func(b *testing.B) {
		for _, batching := range measure.Batching {
			for _, n := range measure.FoldCounts {
				b.Run(fmt.Sprintf("batch=%s/adds=%d", batching, n), func(b *testing.B) {
					batches := measure.Batches(n, batching, add)
					measure.Fold(b, n, func() (<-chan []grpc.Address, func() error) {
						rr := grpc.RoundRobin(resolved{measure.NewWatcher(batches)})
						if err := rr.Start("bench", grpc.BalancerConfig{}); err != nil {
							b.Fatal(err)
						}
						return rr.Notify(), rr.Close
					})
				})
			}
		}
	})
}

// resolved is a naming.Resolver with that watcher.
type resolved struct{ naming.Watcher }

func (r resolved) Resolve(string) (naming.Watcher, error) { return r.Watcher, nil }
