package main

import "fmt"

// step is one run of a test binary.
type step struct {
	binary string // "bench" or "v1291"
	bench  string // -test.bench
	time   string // -test.benchtime
	cpu    string // -test.cpu, or "" for all

	// limited says that the step is stopped after a minute, and that this is a
	// result, not a failure.
	limited bool
}

// group is steps that are run in turn, round after round, so that what a machine
// does on the side meets all of them.
type group struct {
	name   string
	rounds int
	steps  []step
}

// measured is the plan of make bench. The numbers of rounds and of events are
// multiplied by effort.
func measured(effort float64) []group {
	times := func(n int) int { return max(int(float64(n)*effort+0.5), 1) }
	var groups []group
	for _, backends := range []int{3, 100} {
		for _, callers := range []int{1, 64} {
			size := fmt.Sprintf("/^backends=%d$/^callers=%d$", backends, callers)
			groups = append(groups, group{fmt.Sprintf("rpc-%d-%d", backends, callers), times(15), []step{
				{binary: "bench", bench: "^BenchmarkRPC$" + size, time: "25x"},
				{binary: "v1291", bench: "^BenchmarkRPC$" + size, time: "25x"},
			}})
		}
	}
	return append(groups,
		group{"pick", times(7), []step{
			{binary: "bench", bench: "^BenchmarkPick$/^impl=ours$", time: "100ms", cpu: "1,2"},
			{binary: "bench", bench: "^BenchmarkPick$/^impl=native$", time: "100ms", cpu: "1,2"},
		}},
		group{"get", times(9), []step{
			{binary: "bench", bench: "^BenchmarkGet$", time: "50ms", cpu: "1,2"},
			{binary: "v1291", bench: "^BenchmarkGet$", time: "50ms", cpu: "1,2"},
		}},
		group{"fold", times(7), []step{
			{binary: "bench", bench: "^BenchmarkFold$", time: "500ms"}, // or the first memory of a process is what is measured
			{binary: "v1291", bench: "^BenchmarkFold$/impl/batch/^adds=(10|1000|10000)$", time: "50ms"},
		}},
		group{"fold-100000", 1, []step{
			{binary: "v1291", bench: "^BenchmarkFold$/impl/^batch=one$/^adds=100000$", time: "1x", limited: true},
			{binary: "v1291", bench: "^BenchmarkFold$/impl/^batch=single$/^adds=100000$", time: "1x", limited: true},
		}},
		group{"next", times(5), []step{
			{binary: "bench", bench: "^BenchmarkNext$", time: "30x"},
		}},
		group{"watchers", times(2), clients("BenchmarkWatchers", clientCounts, "ours", "article")},
		group{"conns", times(2), clients("BenchmarkConns", clientCounts, "ours", "NewBuilder", "native", "article", "mbobakov", "simplesurance")},
		group{"propagation", 1, []step{
			{binary: "bench", bench: "^BenchmarkPropagation$", time: fmt.Sprintf("%dx", times(300))},
		}},
	)
}

// besidePeers is the part of the plan that make peers has time for.
func besidePeers() []group {
	conns := clients("BenchmarkConns", []int{1, 300}, "ours", "NewBuilder", "mbobakov", "simplesurance")
	for i, s := range conns {
		if s.time == "2x" {
			conns[i].time = "1x"
		}
	}
	return []group{
		{"conns", 1, conns},
		{"propagation", 1, []step{{binary: "bench", bench: "^BenchmarkPropagation$", time: "50x"}}},
	}
}

var clientCounts = []int{1, 10, 100, 300}

// clients is fewer changes the longer each takes; those of clients with a query each
// take seconds.
func clients(name string, counts []int, impls ...string) (steps []step) {
	each := map[int]int{1: 20, 10: 10, 100: 4, 300: 2}
	changes := map[string]map[int]int{
		"ours":   {1: 20, 10: 20, 100: 20, 300: 20},
		"native": {1: 20, 10: 20, 100: 20, 300: 10}, "NewBuilder": {1: 20, 10: 20, 100: 20, 300: 10},
		"article": each, "mbobakov": each, "simplesurance": each,
	}
	for _, n := range counts {
		for _, impl := range impls {
			steps = append(steps, step{
				binary: "bench",
				bench:  fmt.Sprintf("^%s$/^impl=%s$/^instances=1000$/^n=%d$", name, impl, n),
				time:   fmt.Sprintf("%dx", changes[impl][n]),
			})
		}
	}
	return steps
}

// smoke is every benchmark once, as small as it gets: it shows that they work.
func smoke() []group {
	return []group{{"smoke", 1, []step{
		{binary: "bench", bench: "^BenchmarkRPC$/^backends=3$/^callers=1$", time: "1x"},
		{binary: "v1291", bench: "^BenchmarkRPC$/^backends=3$/^callers=1$", time: "1x"},
		{binary: "bench", bench: "^BenchmarkPick$/impl/^ready=10$", time: "1x", cpu: "1"},
		{binary: "bench", bench: "^BenchmarkGet$/impl/^ready=10$", time: "1x", cpu: "1"},
		{binary: "v1291", bench: "^BenchmarkGet$/impl/^ready=10$", time: "1x", cpu: "1"},
		{binary: "bench", bench: "^BenchmarkFold$/impl/batch/^adds=10$", time: "1x"},
		{binary: "v1291", bench: "^BenchmarkFold$/impl/batch/^adds=10$", time: "1x"},
		{binary: "bench", bench: "^BenchmarkNext$", time: "1x"},
		{binary: "bench", bench: "^BenchmarkWatchers$/impl/^instances=20$/^n=10$", time: "2x"},
		{binary: "bench", bench: "^BenchmarkConns$/impl/^instances=20$/^n=10$", time: "2x"},
		{binary: "bench", bench: "^BenchmarkPropagation$", time: "1x"},
	}}}
}
