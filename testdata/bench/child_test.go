package bench

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// childEnv makes this binary the client process that is measured, with a
// clientSpec as its value, instead of running benchmarks.
const childEnv = "BENCH_CHILD"

// clientSpec says what the client process is to hold.
type clientSpec struct {
	Kind      string // "conns" or "watchers"
	Impl      string
	N         int
	Consul    string
	Service   string
	Instances int
	Profile   string // file for a CPU profile of the changes, or ""
}

// clientState is a line that the client process prints: at first, when all or as
// many as will have learnt all instances, and again for each line that it reads:
// "added ADDR" and "removed ADDR" when all of those have seen that, "now -" at
// once.
type clientState struct {
	Have   int           // clients that have learnt of the instances, or of the change
	CPU    time.Duration // of the process until now
	Alloc  uint64        // bytes that it has allocated until now
	Memory float64       // at first: bytes per client of heap and stacks, after a collection
	Err    string
}

const (
	// quiet is how long nothing new has to come before it is believed that
	// nothing will: clients that the agent refuses keep trying.
	quiet = 10 * time.Second
	// silent is the same as long as nothing has come at all: an agent that is asked
	// by hundreds answers nobody for seconds, and then all.
	silent = time.Minute
	// changeTime is how long a change may take to reach every client.
	changeTime = 30 * time.Second
)

func TestMain(m *testing.M) {
	spec := os.Getenv(childEnv)
	if spec == "" {
		os.Exit(m.Run())
	}
	// What one may have set for a Consul or a proxy of his own is not measured.
	for _, v := range []string{"HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "CONSUL_HTTP_ADDR", "CONSUL_HTTP_TOKEN", childEnv} {
		os.Unsetenv(v)
	}
	if err := child(spec); err != nil {
		_ = json.NewEncoder(os.Stdout).Encode(clientState{Err: err.Error()})
		os.Exit(1)
	}
}

func child(text string) error {
	var spec clientSpec
	if err := json.Unmarshal([]byte(text), &spec); err != nil {
		return err
	}
	p := newProbe()
	empty := memory()
	if err := spec.open(p); err != nil {
		return err
	}
	say := json.NewEncoder(os.Stdout)
	state := clientState{Have: p.settle(spec)}
	state.Memory = (memory() - empty) / float64(spec.N)
	if err := say.Encode(state); err != nil {
		return err
	}
	if spec.Profile != "" {
		f, err := os.Create(spec.Profile)
		if err != nil {
			return err
		}
		defer f.Close()
		if err := pprof.StartCPUProfile(f); err != nil {
			return err
		}
		defer pprof.StopCPUProfile()
	}
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		var what, addr string
		if _, err := fmt.Sscan(lines.Text(), &what, &addr); err != nil {
			return err
		}
		now := clientState{}
		if seen, ok := map[string]map[string]int{"added": p.added, "removed": p.removed}[what]; ok {
			ctx, cancel := context.WithTimeout(context.Background(), changeTime)
			p.await(ctx, func() bool { now.Have = seen[addr]; return now.Have >= state.Have })
			cancel()
		}
		now.CPU, now.Alloc = measure.CPU(), allocated()
		if err := say.Encode(now); err != nil {
			return err
		}
	}
	return nil
}

// settle waits until every client has learnt of every instance, or nothing new
// comes any more, and returns how many have.
func (p *probe) settle(spec clientSpec) (have int) {
	all := spec.N * spec.Instances
	for {
		p.mu.Lock()
		before := p.total
		p.mu.Unlock()
		limit := quiet
		if before == 0 {
			limit = silent
		}
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		p.await(ctx, func() bool { return p.total >= all || p.total > before+spec.Instances/2 })
		cancel()
		p.mu.Lock()
		total := p.total
		p.mu.Unlock()
		if total >= all || total == before {
			return total / spec.Instances
		}
	}
}

// memory is what is in use, by the heap and by stacks. Twice, as a collection may
// leave finalizers and pools behind.
func memory() float64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc + m.StackInuse)
}

// allocated does not stop the world, as runtime.ReadMemStats would.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
