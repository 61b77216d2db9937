package main

import "fmt"

// The sizes that testdata/bench/run measures.
var (
	backendCounts = []int{3, 100}
	callerCounts  = []int{1, 64}
	readyCounts   = []int{10, 1_000, 10_000}
	foldCounts    = []int{10, 1_000, 10_000, 100_000}
	clientCounts  = []int{1, 10, 100, 300}
	cpuCounts     = []int{1, 2}
)

func (d *data) rpc(unit, impl string, backends, callers int) []float64 {
	return d.of(unit, "RPC", key("impl", impl), key("backends", backends), key("callers", callers))
}

func (d *data) rpcTable() *table {
	t := &table{head: []string{"backends", "callers", "", "WithBalancer", "native", "v1.29.1", "WithBalancer : native", "WithBalancer : v1.29.1"}}
	for _, backends := range backendCounts {
		for _, callers := range callerCounts {
			values := func(impl string) []float64 { return inverse(d.rpc("ns/op", impl, backends, callers)) }
			t.row(fmt.Sprint(backends), fmt.Sprint(callers), "RPCs", summarize(values("ours")).as(rate), summarize(values("native")).as(rate),
				summarize(values("v1291")).as(rate), ratio(values("ours"), values("native")).asRatio(), ratio(values("ours"), values("v1291")).asRatio())
			for _, q := range []string{"p50", "p99"} {
				values := func(impl string) []float64 { return d.rpc(q+"-ns", impl, backends, callers) }
				t.row("", "", q, summarize(values("ours")).as(duration), summarize(values("native")).as(duration),
					summarize(values("v1291")).as(duration), ratio(values("ours"), values("native")).asRatio(), ratio(values("ours"), values("v1291")).asRatio())
			}
		}
	}
	return t
}

func (d *data) pick(unit, impl string, ready, cpu int) []float64 {
	return d.of(unit, "Pick", key("impl", impl), key("ready", ready), key("cpu", cpu))
}

func (d *data) get(unit, impl string, ready, cpu int) []float64 {
	return d.of(unit, "Get", key("impl", impl), key("ready", ready), key("cpu", cpu))
}

func (d *data) pickTable() *table {
	t := &table{head: []string{"ready", "GOMAXPROCS", "WithBalancer", "native", "WithBalancer : native", "allocations", "Get alone", "Get in v1.29.1", "Get : v1.29.1"}}
	for _, ready := range readyCounts {
		for _, cpu := range cpuCounts {
			ours, native := d.pick("picks/s", "ours", ready, cpu), d.pick("picks/s", "native", ready, cpu)
			get, old := d.get("picks/s", "ours", ready, cpu), d.get("picks/s", "v1291", ready, cpu)
			t.row(count(float64(ready)), fmt.Sprint(cpu), summarize(ours).as(rate), summarize(native).as(rate), ratio(ours, native).asRatio(),
				summarize(d.pick("allocs/op", "ours", ready, cpu)).as(count),
				summarize(get).as(rate), summarize(old).as(rate), ratio(get, old).asRatio())
		}
	}
	return t
}

func (d *data) fold(unit, impl, batching string, adds int) []float64 {
	return d.of(unit, "Fold", key("impl", impl), key("batch", batching), key("adds", adds))
}

func (d *data) foldTable() *table {
	t := &table{head: []string{"Adds", "batches", "RoundRobin", "v1.29.1", "v1.29.1 : RoundRobin", "RoundRobin, bytes", "v1.29.1, bytes"}}
	for _, batching := range []string{"one", "single"} {
		for _, adds := range foldCounts {
			ours, old := d.fold("ns/op", "ours", batching, adds), d.fold("ns/op", "v1291", batching, adds)
			batches := "1"
			if batching == "single" {
				batches = count(float64(adds))
			}
			before := summarize(old).as(duration)
			if old == nil && adds == 100_000 {
				before = "over a minute"
			}
			t.row(count(float64(adds)), batches, summarize(ours).as(duration), before, ratio(old, ours).asRatio(),
				summarize(d.fold("B/op", "ours", batching, adds)).as(size), summarize(d.fold("B/op", "v1291", batching, adds)).as(size))
		}
	}
	return t
}

// clients is for the benchmarks Conns and Watchers.
func (d *data) clients(unit, bench, impl string, n int) []float64 {
	return d.of(unit, bench, key("impl", impl), key("instances", 1000), key("n", n))
}

func (d *data) clientsTable(bench, clients string, impls ...string) *table {
	t := &table{head: []string{clients, "", "connections", "429s", "without addresses", "queries per change", "CPU per change", "allocated per change", "until all know", "memory each"}}
	for _, n := range clientCounts {
		for _, impl := range impls {
			of := func(unit string) summary { return summarize(d.clients(unit, bench, impl, n)) }
			t.row(fmt.Sprint(n), implNames[impl], of("open-conns").as(count), of("429s").as(count), of("without").as(count),
				of("queries/op").as(digits), of("cpu-ns/op").as(duration), of("alloc-B/op").as(size), of("ns/op").as(duration), of("B/client").as(size))
		}
	}
	return t
}

// implNames is what tables and plots call the implementations.
var implNames = map[string]string{"ours": "grpcnaming", "native": "native", "article": "the article", "v1291": "v1.29.1", "raw": "query alone",
	"NewBuilder": "NewBuilder", "mbobakov": "mbobakov", "simplesurance": "simplesurance"}

func (d *data) propagation(event, impl string) []float64 {
	return d.of("ns/op", "Propagation", key("event", event), key("impl", impl))
}

func (d *data) propagationTable() *table {
	t := &table{head: []string{"", "", "events", "median", "p90", "p99", "median : hand-written"}}
	for _, event := range []string{"register", "deregister"} {
		for _, impl := range []string{"ours", "native", "NewBuilder", "mbobakov", "simplesurance"} {
			name := implNames[impl]
			if impl == "native" {
				name = "hand-written"
			}
			values := d.propagation(event, impl)
			t.row(event, name, fmt.Sprint(len(values)), summarize(values).as(duration),
				duration(quantile(values, 0.9)), duration(quantile(values, 0.99)), ratioOfMedians(values, d.propagation(event, "native")).asRatio())
		}
	}
	return t
}

func (d *data) next(unit, impl string) []float64 { return d.of(unit, "Next", key("impl", impl)) }

func (d *data) nextTable() *table {
	t := &table{head: []string{"", "time", "CPU", "bytes", "allocations", "time : query", "CPU : query", "allocations : query"}}
	for _, impl := range []string{"raw", "article", "ours"} {
		of := func(unit string) summary { return summarize(d.next(unit, impl)) }
		to := func(unit string) string { return ratio(d.next(unit, impl), d.next(unit, "raw")).asRatio() }
		t.row(implNames[impl], of("ns/op").as(duration), of("cpu-ns/op").as(duration), of("B/op").as(size), of("allocs/op").as(count),
			to("ns/op"), to("cpu-ns/op"), to("allocs/op"))
	}
	return t
}
