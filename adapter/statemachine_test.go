package adapter

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestStateMachine drives resolver, balancer and policy through random
// interleavings of updates, errors of Next, connections that come and go, RPCs,
// idleness and Close. It wants, all the time: no callback after Close; Up and
// down in turns for each address; one put for each pick, when its RPC is over and
// not before; RPCs answered by the address that Get named; no callback under a
// lock. And whenever things have settled: the addresses that are up, the state of
// the ClientConn and whoever answers are those of the model.
//
// A failure names the seed, which repeats the steps, if not the order of
// goroutines between them.
func TestStateMachine(t *testing.T) {
	seeds := 30
	if testing.Short() {
		seeds = 5
	}
	for _, kind := range []string{"RoundRobin", "wrapped RoundRobin", "lists"} {
		var seen machineSeen
		for seed := range seeds {
			if !t.Failed() {
				seen.add(runMachine(t, kind, uint64(seed)))
			}
		}
		t.Logf("%s: %+v", kind, seen)
		if !t.Failed() && min(seen.answered, seen.refused, seen.settled, seen.idle, seen.closed) == 0 {
			t.Errorf("%s: %+v, want some of each", kind, seen)
		}
	}
}

func runMachine(t *testing.T, kind string, seed uint64) (seen machineSeen) {
	defer logged.Drop()()
	name := fmt.Sprintf("%s, seed %d", kind, seed)
	// A lock stops the bubble's clock: real time is the bound for that.
	stuck := time.AfterFunc(patience, func() {
		stacks := make([]byte, 1<<20)
		panic(fmt.Sprintf("%s: stuck, as if a callback waited for a lock that its caller holds\n%s", name, stacks[:runtime.Stack(stacks, true)]))
	})
	defer stuck.Stop()
	synctest.Test(t, func(t *testing.T) {
		m := newMachine(t, kind, name, seed)
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
		seen = m.seen
	})
	return seen
}
