package measure

import "testing"

// ReadyCounts are the numbers of connected addresses among which is picked.
var ReadyCounts = []int{10, 1_000, 10_000}

// Picks times pick, called by as many goroutines as there are processors (-cpu).
// It says how many picks a second that is.
func Picks(b *testing.B, pick func() error) {
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := pick(); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "picks/s")
}
