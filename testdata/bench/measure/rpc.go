package measure

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
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

// sliceTime is how long one implementation makes RPCs before it is the turn of the
// next. What a machine does on the side takes longer, and so meets all of them.
const sliceTime = 40 * time.Millisecond

// Channel is an implementation whose RPCs are measured.
type Channel struct {
	Impl string
	// Call makes one RPC and returns which server has answered, if that is asked.
	Call func(ctx context.Context, ask bool) (server string, err error)
}

// RPCs measures the channels in turn, b.N slices of time each. In a slice as many
// callers as CallerCounts says make RPCs, each its next as soon as its last has
// been answered. For each channel the time per RPC of all callers together, which
// is throughput, and quantiles of an RPC's latency are written as a Sample.
func RPCs(b *testing.B, backends int, channels ...Channel) {
	for _, c := range channels {
		UntilAllAnswer(b, backends, c.Call)
	}
	for _, callers := range CallerCounts {
		var loads []*rpcLoad // of the last run: package testing makes a short one first
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			loads = make([]*rpcLoad, len(channels))
			for i, c := range channels {
				loads[i] = &rpcLoad{channel: c, callers: make([]caller, callers)}
			}
			for slice := range b.N {
				for i := range loads {
					// Nobody always comes after the same one.
					loads[(i+slice)%len(loads)].slice(b)
				}
			}
		})
		for _, l := range loads {
			latencies := l.latencies()
			if len(latencies) == 0 {
				b.Fatalf("%s made no RPC", l.channel.Impl)
			}
			name := fmt.Sprintf("BenchmarkRPC/impl=%s/backends=%d/callers=%d", l.channel.Impl, backends, callers)
			perRPC := Value{float64(l.took) / float64(len(latencies)), "ns/op"}
			if err := Sample(name, len(latencies), append([]Value{perRPC}, Quantiles(latencies)...)...); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// rpcLoad is what one channel has done in its slices.
type rpcLoad struct {
	channel Channel
	callers []caller
	took    time.Duration
}

// caller has a place of its own in memory, as callers write all the time.
type caller struct {
	latencies []time.Duration
	_         [64]byte
}

// slice makes RPCs for sliceTime, and waits for those that are under way then.
func (l *rpcLoad) slice(b *testing.B) {
	ctx := context.Background()
	began := time.Now()
	var running sync.WaitGroup
	for i := range l.callers {
		running.Go(func() {
			c := &l.callers[i]
			for now := time.Now(); now.Sub(began) < sliceTime; {
				if _, err := l.channel.Call(ctx, false); err != nil {
					b.Errorf("%s: RPC: %v", l.channel.Impl, err)
					return
				}
				ended := time.Now()
				c.latencies = append(c.latencies, ended.Sub(now))
				now = ended
			}
		})
	}
	running.Wait()
	l.took += time.Since(began)
}

func (l *rpcLoad) latencies() (all []time.Duration) {
	for i := range l.callers {
		all = append(all, l.callers[i].latencies...)
	}
	return all
}

// UntilAllAnswer makes RPCs until each of n servers has answered one, so that
// connecting is not part of what is timed.
func UntilAllAnswer(b *testing.B, n int, call func(ctx context.Context, ask bool) (server string, err error)) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for seen := make(map[string]bool); len(seen) < n; {
		server, err := call(ctx, true)
		if err != nil {
			b.Fatalf("RPC before the measurement: %v", err)
		}
		seen[server] = true
	}
}
