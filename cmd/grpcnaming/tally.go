package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/naming"
)

// tally counts calls per backend.
type tally struct {
	mu     sync.Mutex
	names  map[string]string // of backends, by address
	known  map[string]bool   // names of those that the resolver has reported
	calls  map[string]int    // by name
	recent []string          // who answered the last calls
	failed int
	shown  map[string]int // calls at the last table
}

const recentCalls = 300

func newTally() *tally {
	return &tally{
		names: make(map[string]string),
		known: make(map[string]bool),
		calls: make(map[string]int),
		shown: make(map[string]int),
	}
}

func (t *tally) name(addr, name string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.names[addr] = name
}

func (t *tally) nameOf(addr string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.names[addr]
}

func (t *tally) update(u *naming.Update) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if u.Op == naming.Add {
		t.known[t.names[u.Addr]] = true
	} else {
		delete(t.known, t.names[u.Addr])
	}
	t.recent = nil
}

// knows says whether the resolver has reported n backends.
func (t *tally) knows(n int) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.known) == n
}

func (t *tally) count(addr string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err != nil {
		t.failed++
		return
	}
	name := t.names[addr]
	t.calls[name]++
	if t.recent = append(t.recent, name); len(t.recent) > recentCalls {
		t.recent = t.recent[1:]
	}
}

func (t *tally) totals() (calls, failed int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.calls {
		calls += n
	}
	return calls, t.failed
}

// shared says whether exactly the named backends are known, and the last calls
// went to them alone, in about even shares.
func (t *tally) shared(names []string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) != len(names) || len(t.recent) < recentCalls {
		return false
	}
	share := t.share()
	for _, n := range names {
		if !t.known[n] || share[n] < 80/len(names) {
			return false
		}
	}
	return len(share) == len(names)
}

// share is the percentage of the last calls by name.
func (t *tally) share() map[string]int {
	share := make(map[string]int)
	for _, n := range t.recent {
		share[n]++
	}
	for n := range share {
		share[n] = (share[n]*100 + len(t.recent)/2) / len(t.recent)
	}
	return share
}

func (t *tally) shares() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var s []string
	share := t.share()
	for _, n := range slices.Sorted(maps.Keys(share)) {
		s = append(s, fmt.Sprintf("%s %d %%", n, share[n]))
	}
	return strings.Join(s, ", ")
}

// table is what happened since the table before, d ago: as rows, and in a line.
func (t *tally) table(d time.Duration) (rows []string, line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	total := 0
	for n, c := range t.calls {
		total += c - t.shown[n]
	}
	rows = []string{fmt.Sprintf("%-9s %10s %10s  share of the last %v", "backend", "calls", "calls/s", d)}
	parts := []string{}
	for _, n := range slices.Sorted(maps.Values(t.names)) {
		c := t.calls[n] - t.shown[n]
		t.shown[n] = t.calls[n]
		percent := 0
		if total > 0 {
			percent = (c*100 + total/2) / total
		}
		rows = append(rows, fmt.Sprintf("%-9s %10d %10.0f  %3d %% %s", n, t.calls[n], float64(c)/d.Seconds(), percent, strings.Repeat("#", percent/4)))
		parts = append(parts, fmt.Sprintf("%s %5d (%2d %%)", n, t.calls[n], percent))
	}
	return append(rows, fmt.Sprintf("%-9s %10d", "failed", t.failed)), "calls: " + strings.Join(parts, "  ") + fmt.Sprintf("  failed %d", t.failed)
}
