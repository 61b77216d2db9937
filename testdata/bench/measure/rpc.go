package measure

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BackendsEnv names the variable with the addresses of the RPC servers, with
// commas between them. The driver (testdata/bench/run) sets it: they run in one
// process of their own, the same for every implementation.
const BackendsEnv = "BENCH_BACKENDS"

// Backends returns the addresses of the first n RPC servers.
func Backends(b *testing.B, n int) []string {
	b.Helper()
	list := strings.Split(os.Getenv(BackendsEnv), ",")
	if len(list) < n {
		b.Fatalf("%s has %d addresses, want %d: benchmarks of RPCs are run by go run ./run", BackendsEnv, len(list), n)
	}
	return list[:n]
}

// BackendCounts and CallerCounts are the sizes at which RPCs are measured.
var (
	BackendCounts = []int{3, 100}
	CallerCounts  = []int{1, 64}
)

// RPCs makes b.N RPCs by as many callers, each of which makes its next as soon as
// its last has been answered. Besides the time per RPC of all callers together,
// which is throughput, it reports quantiles of an RPC's latency.
func RPCs(b *testing.B, callers int, call func(context.Context) error) {
	ctx := context.Background()
	var left atomic.Int64
	left.Store(int64(b.N))
	latencies := make([][]time.Duration, callers)
	for i := range latencies {
		latencies[i] = make([]time.Duration, 0, b.N/callers*2+16)
	}
	var wg sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range callers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				began := time.Now()
				if err := call(ctx); err != nil {
					b.Errorf("RPC: %v", err)
					return
				}
				latencies[i] = append(latencies[i], time.Since(began))
			}
		})
	}
	wg.Wait()
	b.StopTimer()
	Quantiles(b, slices.Concat(latencies...))
}

// UntilAllAnswer makes RPCs until each of n servers has answered one, so that
// connecting is not part of what is timed.
func UntilAllAnswer(b *testing.B, n int, call func(context.Context) (server string, err error)) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for seen := make(map[string]bool); len(seen) < n; {
		server, err := call(ctx)
		if err != nil {
			b.Fatalf("RPC before the measurement: %v", err)
		}
		seen[server] = true
	}
}
