package adapter

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStateMachine drives resolver, balancer and policy through random
// interleavings of updates, errors of Next, connections that come and go, RPCs,
// idleness and Close. It wants, all the time: no callback after Close; one Next at
// a time; Up and down in turns for each address; one put for each pick, when its
// RPC is over and not before; RPCs answered by the address that Get named; no
// callback under a lock. And whenever things have settled: the addresses that are
// up, the state of the ClientConn and whoever answers are those of the model, which
// changes in idleness and between two watchers too.
//
// A failure names the seed, which repeats the steps, if not the order of
// goroutines between them.
func TestStateMachine(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 10
	}
	for _, kind := range []string{"RoundRobin", "wrapped RoundRobin", "lists"} {
		seen := make(map[string]int)
		for seed := range seeds {
			if !t.Failed() {
				for what, n := range runMachine(t, kind, uint64(seed)).seen {
					seen[what] += n
				}
			}
		}
		t.Logf("%s: %v", kind, seen)
		if !t.Failed() && len(seen) < 6 {
			t.Errorf("%s: %v, want some of each", kind, seen)
		}
	}
}

// A seed repeats the steps, whatever goroutines and callbacks do.
func TestStateMachineRepeats(t *testing.T) {
	for _, kind := range []string{"wrapped RoundRobin", "lists"} {
		one, two := runMachine(t, kind, 7), runMachine(t, kind, 7)
		if !slices.Equal(one.log, two.log) {
			t.Errorf("%s: the steps are once\n%q\nand once\n%q", kind, one.log, two.log)
		}
	}
}

func runMachine(t *testing.T, kind string, seed uint64) (m *machine) {
	defer logged.Drop()()
	name := fmt.Sprintf("%s, seed %d", kind, seed)
	// A lock stops the bubble's clock: real time is the bound for that.
	stuck := time.AfterFunc(patience, func() {
		stacks := make([]byte, 1<<20)
		panic(fmt.Sprintf("%s: stuck, as if a callback waited for a lock that its caller holds\n%s", name, stacks[:runtime.Stack(stacks, true)]))
	})
	defer stuck.Stop()
	synctest.Test(t, func(t *testing.T) {
		m = newMachine(t, kind, name, seed)
		defer func() {
			if t.Failed() {
				t.Logf("%s: %s", name, strings.Join(m.log, "; "))
			}
		}()
		for range 4 {
			for range m.n(20) + 5 {
				m.step()
			}
			if m.n(3) == 0 {
				m.sleepIdle()
			}
			if t.Failed() {
				break
			}
			m.converge()
		}
		for range m.n(5) {
			m.step()
		}
		m.close()
	})
	return m
}
