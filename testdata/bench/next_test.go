package bench

import (
	"fmt"
	"net/http"
	"os"
	"runtime"
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

	// nextPace is the time from one change to the next, which is another
	// implementation's. Next asks ten times a second at most: at a higher pace that
	// limit would be measured.
	nextPace = 40 * time.Millisecond
)

// BenchmarkNext is one change of one instance: from the moment when Consul is told
// until the client has it. raw is the query of package api alone, article what
// everybody copied around it, ours Next. They take turns, change by change, each
// with a collected heap; CPU and allocations are those until the next query is
// under way.
func BenchmarkNext(b *testing.B) {
	address := os.Getenv(answersEnv)
	if address == "" {
		b.Fatalf("%s is not set: this benchmark is run by go run ./run", answersEnv)
	}
	client, err := api.NewClient(&api.Config{Address: address})
	if err != nil {
		b.Fatal(err)
	}
	var index uint64
	subjects := []*nexts{
		{impl: "raw", next: func() error {
			_, meta, err := client.Health().Service("raw", "", true, &api.QueryOptions{WaitIndex: index})
			if err == nil {
				index = meta.LastIndex
			}
			return err
		}},
		newNexts(b, "article", article{address, "article"}),
		newNexts(b, "ours", consulnaming.NewConsulResolver(address, "ours")),
	}
	for _, s := range subjects {
		s.answers = "http://" + address
		s.start()
		defer s.stop(b)
		s.receive(b)
		for range 2 { // what is grown once is grown now
			s.tell(b, "change")
			s.receive(b)
		}
	}
	b.Run("changes", func(b *testing.B) {
		pace := time.NewTicker(nextPace)
		defer pace.Stop()
		for _, s := range subjects {
			s.changes = nil
		}
		for i := range b.N {
			for j := range subjects {
				<-pace.C
				subjects[(i+j)%len(subjects)].change(b)
			}
		}
	})
	for _, s := range subjects { // of the last run: package testing makes a short one first
		for _, c := range s.changes {
			if err := measure.Sample("BenchmarkNext/impl="+s.impl, 1, c...); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// nexts is a client with a service of its own.
type nexts struct {
	impl    string // and the service's name
	answers string // URL of the server
	next    func() error
	close   func()

	results       chan error
	done, stopped chan struct{}
	changes       [][]measure.Value
}

func newNexts(b *testing.B, impl string, r naming.Resolver) *nexts {
	w, err := r.Resolve("")
	if err != nil {
		b.Fatal(err)
	}
	return &nexts{impl: impl, close: w.Close, next: func() error {
		_, err := w.Next()
		return err
	}}
}

// start calls next from a goroutine of its own, as a balancer does.
func (s *nexts) start() {
	s.results, s.done, s.stopped = make(chan error), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(s.stopped)
		for {
			err := s.next()
			select {
			case s.results <- err:
			case <-s.done:
				return
			}
		}
	}()
}

// stop ends the goroutine by one more change.
func (s *nexts) stop(b *testing.B) {
	close(s.done)
	s.tell(b, "change")
	<-s.stopped
	if s.close != nil {
		s.close()
	}
}

func (s *nexts) receive(b *testing.B) {
	if err := <-s.results; err != nil {
		b.Fatalf("%s: %v", s.impl, err)
	}
}

func (s *nexts) change(b *testing.B) {
	s.tell(b, "await")
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, began := measure.CPU(), time.Now()
	s.tell(b, "change")
	s.receive(b)
	took := time.Since(began)
	s.tell(b, "await")
	used := measure.CPU() - cpu
	runtime.ReadMemStats(&after)
	s.changes = append(s.changes, []measure.Value{
		{Figure: float64(took), Unit: "ns/op"},
		{Figure: float64(used), Unit: "cpu-ns/op"},
		{Figure: float64(after.TotalAlloc - before.TotalAlloc), Unit: "B/op"},
		{Figure: float64(after.Mallocs - before.Mallocs), Unit: "allocs/op"},
	})
}

// tell posts to the server. "await" waits until it holds a query for what is not
// there yet, "change" makes it answer that.
func (s *nexts) tell(b *testing.B, what string) {
	response, err := http.Post(fmt.Sprintf("%s/%s/%s", s.answers, what, s.impl), "", nil)
	if err != nil {
		b.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != http.StatusNoContent {
		b.Fatalf("%s %s: %s", what, s.impl, response.Status)
	}
}
