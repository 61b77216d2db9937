package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Every benchmark works: what each of them says is there, under the names that the
// report looks for.
func TestSmoke(t *testing.T) {
	t.Chdir("..")
	out := t.TempDir()
	if err := run(context.Background(), out, "", smoke(), 50); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "bench.txt"))
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string][]string) // units by name
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) > 3 && strings.HasPrefix(f[0], "Benchmark") {
			name, _, _ := strings.Cut(strings.TrimPrefix(f[0], "Benchmark"), "-") // GOMAXPROCS
			for i := 3; i < len(f); i += 2 {
				got[name] = append(got[name], f[i])
			}
		}
	}
	rpc := []string{"ns/op", "p10-ns", "p50-ns", "p90-ns", "p99-ns", "p99.9-ns"}
	clients := []string{"ns/op", "cpu-ns/op", "alloc-B/op", "queries/op", "open-conns", "429s", "without", "B/client"}
	next := []string{"ns/op", "cpu-ns/op", "B/op", "allocs/op"}
	picks := []string{"picks/s", "allocs/op"}
	fold := []string{"ns/op", "B/op"}
	for name, units := range map[string][]string{
		"RPC/impl=ours/backends=3/callers=1":                 rpc,
		"RPC/impl=native/backends=3/callers=1":               rpc,
		"RPC/impl=v1291/backends=3/callers=1":                rpc,
		"Pick/impl=ours/ready=10/picks":                      picks,
		"Pick/impl=native/ready=10/picks":                    picks,
		"Get/impl=ours/ready=10":                             picks,
		"Get/impl=v1291/ready=10":                            picks,
		"Fold/impl=ours/batch=one/adds=10":                   fold,
		"Fold/impl=ours/batch=single/adds=10":                fold,
		"Fold/impl=v1291/batch=one/adds=10":                  fold,
		"Fold/impl=v1291/batch=single/adds=10":               fold,
		"Next/impl=raw":                                      next,
		"Next/impl=article":                                  next,
		"Next/impl=ours":                                     next,
		"Watchers/impl=ours/instances=20/n=10/changes":       clients,
		"Watchers/impl=article/instances=20/n=10/changes":    clients,
		"Conns/impl=ours/instances=20/n=10/changes":          clients,
		"Conns/impl=article/instances=20/n=10/changes":       clients,
		"Conns/impl=native/instances=20/n=10/changes":        clients,
		"Conns/impl=mbobakov/instances=20/n=10/changes":      clients,
		"Conns/impl=simplesurance/instances=20/n=10/changes": clients,
		"Conns/impl=NewBuilder/instances=20/n=10/changes":    clients,
		"Propagation/event=register/impl=ours":               {"ns/op"},
		"Propagation/event=register/impl=native":             {"ns/op"},
		"Propagation/event=deregister/impl=ours":             {"ns/op"},
		"Propagation/event=deregister/impl=native":           {"ns/op"},
		"Propagation/event=register/impl=mbobakov":           {"ns/op"},
		"Propagation/event=deregister/impl=mbobakov":         {"ns/op"},
		"Propagation/event=register/impl=simplesurance":      {"ns/op"},
		"Propagation/event=register/impl=NewBuilder":         {"ns/op"},
		"Propagation/event=deregister/impl=simplesurance":    {"ns/op"},
		"Propagation/event=deregister/impl=NewBuilder":       {"ns/op"},
	} {
		for _, unit := range units {
			if !slices.Contains(got[name], unit) {
				t.Errorf("%s has no %s", name, unit)
			}
		}
	}
	if t.Failed() {
		t.Logf("%s", text)
	}
}

// What is measured is what smoke has shown to work.
func TestPlanIsSmoked(t *testing.T) {
	name := func(s step) string {
		first, _, _ := strings.Cut(s.bench, "/")
		return s.binary + " " + first
	}
	smoked := make(map[string]bool)
	for _, s := range smoke()[0].steps {
		smoked[name(s)] = true
	}
	for _, g := range append(measured(1), besidePeers()...) {
		for _, s := range g.steps {
			if !smoked[name(s)] {
				t.Errorf("%s is measured and not in smoke", name(s))
			}
		}
	}
}
