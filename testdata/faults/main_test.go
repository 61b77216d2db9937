package faults

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

var (
	long     = flag.Bool("long", false, "let faults last as long as they do in practice: minutes")
	tableOut = flag.String("table", "../../faults-out/table.md", "`file` for the table of cases; empty for none")
)

// span is how long something lasts in the short form and in the long one.
func span(short, inLong time.Duration) time.Duration {
	if *long {
		return inLong
	}
	return short
}

// shared is one real agent for all trials that only use its catalogue.
var shared struct {
	once  sync.Once
	agent *consulagent.Agent
	err   error
}

func TestMain(m *testing.M) {
	flag.Parse()
	// Trials wait most of the time.
	if err := flag.Set("test.parallel", "9"); err != nil {
		panic(err)
	}
	// What the developer has set must not decide about tests.
	for _, v := range os.Environ() {
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "CONSUL_") || strings.HasSuffix(strings.ToUpper(name), "_PROXY") {
			os.Unsetenv(name)
		}
	}
	captureLogs()
	began := time.Now()
	code := m.Run()
	fmt.Printf("faults: %v\n", time.Since(began).Round(time.Second))
	err := errors.Join(table.write(*tableOut), noStrays())
	if shared.agent != nil {
		err = errors.Join(err, shared.agent.Stop())
	}
	if code == 0 {
		// Toxiproxy v2.5.0 (toxics/slicer.go) waits for ever to pass on a piece when
		// the client has gone, as ours does from a query that is not answered.
		err = errors.Join(err, goleak.Find(goleak.IgnoreTopFunction("github.com/Shopify/toxiproxy/v2/toxics.(*SlicerToxic).Pipe")))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// realAgent returns the agent that trials share. They keep apart by the names of
// their services.
func realAgent(t *testing.T) *consulagent.Agent {
	t.Helper()
	shared.once.Do(func() {
		unlabelled(func() {
			shared.agent, shared.err = consulagent.Start(context.Background(), consulagent.Config{})
		})
	})
	if shared.err != nil {
		t.Fatalf("the real Consul (run `make consul`): %v", shared.err)
	}
	return shared.agent
}
