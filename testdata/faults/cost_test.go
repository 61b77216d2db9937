package faults

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// Clients that meet faults, and make no RPC, use little time of a processor: none
// of them spins. Nothing else may run in this process.
func TestCostOfFaults(t *testing.T) {
	for k := range kind(kinds) {
		t.Run(k.String(), func(t *testing.T) { costOfFaults(t, k) })
	}
}

func costOfFaults(t *testing.T, k kind) {
	faults := []consultest.Fault{
		consultest.Status(500, "No cluster leader"), consultest.Status(429, "too many"), consultest.Body("text/html", "<html>"),
		consultest.Silence(), reset, indexed("null"), indexed(`[{}]`),
		unblocked(consultest.CutBody(10)), unblocked(consultest.Index("")), unblocked(consultest.Index("1")),
		unblocked(consultest.Index("18446744073709551615")), unblocked(goingBack()),
	}
	for _, fault := range faults {
		s := consultest.NewServer()
		defer s.Close()
		s.Inject(fault)
		conn, err := source{agent: s.Address()}.dial(k, "svc", nil)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.Connect()
	}
	before := runtime.NumGoroutine()
	began, used := time.Now(), measure.CPU()
	time.Sleep(span(3*time.Second, time.Minute)) // is what is measured
	part := float64(measure.CPU()-used) / float64(time.Since(began))
	t.Logf("%d clients used %.1f %% of a processor", len(faults), 100*part)
	table.add(row{name: fmt.Sprintf("cost: %d clients, %v, %.1f %% of a processor", len(faults), k, 100*part), before: before, after: runtime.NumGoroutine()})
	// Six of them send ten queries a second.
	if part > 0.3 {
		t.Errorf("%d clients use %.0f %% of a processor", len(faults), 100*part)
	}
}
