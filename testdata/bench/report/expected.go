package main

import "fmt"

// expectedTable holds the figures against what they are to be.
func (d *data) expectedTable() *table {
	t := &table{head: []string{"What", "Expected", "Measured", ""}}
	check := func(what string, s summary, least bool, bound float64) {
		expected, holds := "at most "+digits(bound), s.center <= bound
		if least {
			expected, holds = "at least "+digits(bound), s.center >= bound
		}
		verdict := "falls short"
		switch {
		case !s.known():
			verdict = "not measured"
		case holds:
			verdict = "holds"
		case s.bounded() && s.lo <= bound && bound <= s.hi:
			verdict = "falls short, within the noise"
		}
		t.row(what, expected, s.asRatio(), verdict)
	}
	for _, backends := range backendCounts {
		for _, callers := range callerCounts {
			at := fmt.Sprintf("%d backends, %d callers", backends, callers)
			ours, native := d.rpc("ns/op", "ours", backends, callers), d.rpc("ns/op", "native", backends, callers)
			check("RPC throughput : native, "+at, ratio(native, ours), true, 0.98)
			ours, native = d.rpc("p50-ns", "ours", backends, callers), d.rpc("p50-ns", "native", backends, callers)
			check("RPC median latency, native : ours, "+at, ratio(native, ours), true, 0.98)
		}
	}
	var pick []float64
	for _, perSecond := range d.pick("picks/s", "ours", 1_000, 1) {
		pick = append(pick, 1e9/perSecond)
	}
	check("A pick with 1,000 ready, ns", summarize(pick), false, 300)
	check("Allocations of a pick with 1,000 ready", summarize(d.pick("allocs/op", "ours", 1_000, 1)), false, 1)
	check("Folding 10,000 single Adds, v1.29.1 : ours", ratio(d.fold("ns/op", "v1291", "single", 10_000), d.fold("ns/op", "ours", "single", 10_000)), true, 20)
	check("Folding 100,000 single Adds, ns", summarize(d.fold("ns/op", "ours", "single", 100_000)), false, 1e9)
	check("300 ClientConns: connections to the agent", summarize(d.clients("open-conns", "Conns", "ours", 300)), false, 1)
	check("300 ClientConns: queries per change", summarize(d.clients("queries/op", "Conns", "ours", 300)), false, 1)
	check("300 ClientConns: 429s", summarize(d.clients("429s", "Conns", "ours", 300)), false, 0)
	cpu := func(bench, impl string) summary {
		return ratio(d.clients("cpu-ns/op", bench, impl, 300), d.clients("cpu-ns/op", bench, impl, 1))
	}
	check("CPU per change, 300 ClientConns : 1", cpu("Conns", "ours"), false, 1.5)
	check("CPU per change, 300 Watchers : 1", cpu("Watchers", "ours"), false, 1.5)
	t.row("The same for native, with one query: what grpc itself costs", "", cpu("Conns", "native").asRatio(), "")
	check("CPU per change at 300 ClientConns, ours : native", ratio(d.clients("cpu-ns/op", "Conns", "ours", 300), d.clients("cpu-ns/op", "Conns", "native", 300)), false, 0.10)
	check("Memory of each of 300 ClientConns, ours : native", ratio(d.clients("B/client", "Conns", "ours", 300), d.clients("B/client", "Conns", "native", 300)), false, 1)
	for _, event := range []string{"register", "deregister"} {
		check("Propagation, median : hand-written, "+event, ratioOfMedians(d.propagation(event, "ours"), d.propagation(event, "native")), false, 1.05)
	}
	check("Next at 5,000 instances, CPU, ours : article", ratio(d.next("cpu-ns/op", "ours"), d.next("cpu-ns/op", "article")), false, 0.55)
	check("Next at 5,000 instances, bytes, ours : article", ratio(d.next("B/op", "ours"), d.next("B/op", "article")), false, 0.55)
	return t
}
