package bench

import (
	"net/http"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/naming"
	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

const (
	// answersEnv names the variable with the address that repeats two answers of
	// the real Consul; the driver sets it.
	answersEnv = "BENCH_ANSWERS"

	nextService = "bench-next"

	// nextPace is the time from one change to the next. Next asks ten times a
	// second at most: at a higher pace that limit would be measured.
	nextPace = 120 * time.Millisecond
)

// BenchmarkNext is one change of one instance: from the moment when Consul is told
// until the client has it. raw is the query of package api alone, article what
// everybody copied around it, ours Next. The time is the median of the changes.
func BenchmarkNext(b *testing.B) {
	address := os.Getenv(answersEnv)
	if address == "" {
		b.Fatalf("%s is not set: this benchmark is run by go run ./run", answersEnv)
	}
	b.Run("impl=raw", func(b *testing.B) {
		client, err := api.NewClient(&api.Config{Address: address})
		if err != nil {
			b.Fatal(err)
		}
		var index uint64
		nexts(b, address, func() error {
			_, meta, err := client.Health().Service(nextService, "", true, &api.QueryOptions{WaitIndex: index})
			if err == nil {
				index = meta.LastIndex
			}
			return err
		})
	})
	b.Run("impl=article", func(b *testing.B) { watcherNexts(b, address, article{address, nextService}) })
	b.Run("impl=ours", func(b *testing.B) {
		watcherNexts(b, address, consulnaming.NewConsulResolver(address, nextService))
	})
}

func watcherNexts(b *testing.B, address string, r naming.Resolver) {
	w, err := r.Resolve("")
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	nexts(b, address, func() error {
		_, err := w.Next()
		return err
	})
}

// nexts calls next from a goroutine of its own, as a balancer does, which ends
// with the change after the last.
func nexts(b *testing.B, address string, next func() error) {
	results := make(chan error)
	done := make(chan struct{})
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			err := next()
			select {
			case results <- err:
			case <-done:
				return
			}
		}
	}()
	defer func() {
		close(done)
		change(b, address)
		<-stopped
	}()
	receive := func() {
		if err := <-results; err != nil {
			b.Fatal(err)
		}
	}
	receive()
	for range 2 { // what is grown once is grown now
		change(b, address)
		receive()
	}
	times := make([]time.Duration, 0, b.N)
	b.ReportAllocs()
	pace := time.NewTicker(nextPace)
	defer pace.Stop()
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	cpu := measure.CPU()
	for range b.N {
		<-pace.C
		began := time.Now()
		change(b, address)
		receive()
		times = append(times, time.Since(began))
	}
	<-pace.C // for what goes on after Next has returned
	used := measure.CPU() - cpu
	runtime.ReadMemStats(&after)
	slices.Sort(times)
	n := float64(b.N)
	b.ReportMetric(float64(measure.Quantile(times, 0.5)), "ns/op")
	b.ReportMetric(float64(used)/n, "cpu-ns/op")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/op")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/op")
}

// change makes the server answer the query that it holds, and waits for one.
func change(b *testing.B, address string) {
	response, err := http.Post("http://"+address+"/change", "", nil)
	if err != nil {
		b.Fatal(err)
	}
	response.Body.Close()
}
