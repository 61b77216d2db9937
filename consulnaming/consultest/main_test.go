package consultest_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"go.uber.org/goleak"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(withAgent{m}) }

// withAgent stops the real agent, if a test has started it, before goroutines
// are counted.
type withAgent struct{ m *testing.M }

func (w withAgent) Run() int {
	code := w.m.Run()
	if err := stopReal(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	return code
}

// real is the one real agent of this test binary, started by the first test
// that needs it.
var (
	realMu    sync.Mutex
	realAgent *consulagent.Agent
)

func startReal(t *testing.T) *consulagent.Agent {
	t.Helper()
	realMu.Lock()
	defer realMu.Unlock()
	if realAgent == nil {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		agent, err := consulagent.Start(ctx, consulagent.Config{})
		if err != nil {
			t.Fatal(err)
		}
		realAgent = agent
	}
	return realAgent
}

func stopReal() error {
	realMu.Lock()
	defer realMu.Unlock()
	if realAgent == nil {
		return nil
	}
	return realAgent.Stop()
}

// An agent is what the conformance tests talk to.
type agent struct {
	*api.Client
	address string
	real    bool
}

// onBoth runs a test against a real agent and against the stand-in. The tests
// share the real agent: they use service names of their own.
func onBoth(t *testing.T, test func(t *testing.T, a agent)) {
	t.Run("real", func(t *testing.T) {
		a := startReal(t)
		test(t, agent{a.Client(), a.Address(), true})
	})
	t.Run("standin", func(t *testing.T) {
		s := consultest.NewServer()
		t.Cleanup(s.Close)
		test(t, agent{s.Client(), s.Address(), false})
	})
}

var names atomic.Int64

// unique is a service name that no other test uses, nor another run of this one.
func unique(t *testing.T) string {
	name, _, _ := strings.Cut(t.Name(), "/")
	return fmt.Sprintf("%s-%d", name, names.Add(1))
}

// register registers a service for the time of the test.
func (a agent) register(t *testing.T, service api.AgentServiceRegistration) {
	t.Helper()
	if err := a.Agent().ServiceRegister(&service); err != nil {
		t.Fatal(err)
	}
	id := service.ID
	if id == "" {
		id = service.Name
	}
	t.Cleanup(func() { a.Agent().ServiceDeregister(id) })
}

// query asks for a service; with an index it blocks.
func (a agent) query(t *testing.T, name string, index uint64, wait time.Duration) ([]*api.ServiceEntry, uint64) {
	t.Helper()
	entries, meta, err := a.Health().Service(name, "", false, &api.QueryOptions{WaitIndex: index, WaitTime: wait})
	if err != nil {
		t.Fatal(err)
	}
	if meta.LastIndex < 1 {
		t.Errorf("the index is %d", meta.LastIndex)
	}
	return entries, meta.LastIndex
}

// answer is the outcome of a query on another goroutine.
type answer struct {
	entries []*api.ServiceEntry
	index   uint64
	err     error
}

// start sends a blocking query.
func (a agent) start(t *testing.T, name string, index uint64, wait time.Duration) <-chan answer {
	done := make(chan answer, 1)
	go func() {
		options := (&api.QueryOptions{WaitIndex: index, WaitTime: wait}).WithContext(t.Context())
		entries, meta, err := a.Health().Service(name, "", false, options)
		if err != nil {
			done <- answer{err: err}
			return
		}
		done <- answer{entries, meta.LastIndex, nil}
	}()
	return done
}

// await follows a service with blocking queries until its entries satisfy
// condition, and returns their index.
func (a agent) await(t *testing.T, name, what string, condition func([]*api.ServiceEntry) bool) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for index := uint64(0); ; {
		options := (&api.QueryOptions{WaitIndex: index}).WithContext(ctx)
		entries, meta, err := a.Health().Service(name, "", false, options)
		if err != nil {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		if index = meta.LastIndex; condition(entries) {
			return index
		}
	}
}

// status is the status of the one instance among entries, from its own checks.
func status(entries []*api.ServiceEntry) string {
	if len(entries) != 1 {
		return fmt.Sprint(len(entries), " instances")
	}
	return entries[0].Checks.AggregatedStatus()
}

// output is the output of the one instance's one check.
func output(entries []*api.ServiceEntry) string {
	for _, e := range entries {
		for _, check := range e.Checks {
			if check.ServiceID != "" {
				return check.Output
			}
		}
	}
	return ""
}

func hasStatus(want string) func([]*api.ServiceEntry) bool {
	return func(entries []*api.ServiceEntry) bool { return status(entries) == want }
}

// ids lists the IDs of the instances. Their order in an answer means nothing: a
// real agent has none.
func ids(entries []*api.ServiceEntry) string {
	var all []string
	for _, e := range entries {
		all = append(all, e.Service.ID)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}
