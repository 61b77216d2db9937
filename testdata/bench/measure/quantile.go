package measure

import (
	"math"
	"slices"
	"time"
)

// Quantiles returns the 10th, 50th, 90th and 99th percentile and the 99.9th, in
// nanoseconds. It sorts list.
func Quantiles(list []time.Duration) (values []Value) {
	slices.Sort(list)
	for _, q := range []struct {
		part float64
		unit string
	}{{0.1, "p10-ns"}, {0.5, "p50-ns"}, {0.9, "p90-ns"}, {0.99, "p99-ns"}, {0.999, "p99.9-ns"}} {
		values = append(values, Value{float64(Quantile(list, q.part)), q.unit})
	}
	return values
}

// Quantile returns the smallest value in the sorted list that is not exceeded by
// that part of it.
func Quantile(sorted []time.Duration, part float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	i := int(math.Ceil(part*float64(len(sorted)))) - 1
	return sorted[max(i, 0)]
}
