package bench

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/testdata/bench/catalog"
)

const (
	// consulEnv names the variable with the address of a real Consul agent, and
	// profilesEnv that of a directory for profiles; the driver sets them.
	consulEnv   = "BENCH_CONSUL"
	profilesEnv = "BENCH_PROFILES"

	connsService = "bench-conns"

	// connsPace is the pause between a change that every client has seen and the
	// next.
	connsPace = 150 * time.Millisecond
)

// BenchmarkConns is ClientConns in one process, to one service at one agent, and
// what a change of one instance costs them: register and deregister in turn. The
// time is from the change until each ClientConn has acted on it.
func BenchmarkConns(b *testing.B) {
	clients(b, "conns", append([]string{"ours", "article", "native"}, otherImpls()...)...)
}

// BenchmarkWatchers is the same without ClientConns: so much of the cost is the
// watch's.
func BenchmarkWatchers(b *testing.B) { clients(b, "watchers", "ours", "article") }

func clients(b *testing.B, kind string, impls ...string) {
	for _, impl := range impls {
		b.Run("impl="+impl, func(b *testing.B) {
			for _, instances := range []int{20, 1_000} {
				for _, n := range []int{1, 10, 100, 300} {
					b.Run(fmt.Sprintf("instances=%d/n=%d", instances, n), func(b *testing.B) {
						consul := os.Getenv(consulEnv)
						if consul == "" {
							b.Fatalf("%s is not set: this benchmark is run by go run ./run", consulEnv)
						}
						spec := clientSpec{Kind: kind, Impl: impl, N: n, Service: fmt.Sprintf("%s-%d", connsService, instances), Instances: instances}
						if dir := os.Getenv(profilesEnv); dir != "" && n == 300 {
							spec.Profile = filepath.Join(dir, fmt.Sprintf("%s%d-%s.pprof", kind, n, impl))
						}
						m, err := newChanges(consul, spec)
						if err != nil {
							b.Fatal(err)
						}
						defer m.end(b)
						// Another level, so that what is above runs once.
						b.Run("changes", m.run)
					})
				}
			}
		})
	}
}

// changing is a client process and the service that it watches.
type changing struct {
	spec    clientSpec
	consul  *api.Client
	relay   *relay
	process *client
	first   clientState
	next    int // instance to add
}

func newChanges(consul string, spec clientSpec) (_ *changing, err error) {
	m := &changing{spec: spec, next: spec.Instances}
	if m.consul, err = api.NewClient(&api.Config{Address: consul}); err != nil {
		return nil, err
	}
	if err := catalog.Fill(m.consul, spec.Service, spec.Instances); err != nil {
		return nil, err
	}
	if m.relay, err = newRelay(consul); err != nil {
		return nil, err
	}
	m.spec.Consul = m.relay.address()
	if m.process, err = startClient(m.spec); err != nil {
		return nil, err
	}
	if m.first, err = m.process.state(); err != nil {
		return nil, err
	}
	if m.first.Have == 0 {
		return nil, fmt.Errorf("none of %d clients has learnt anything", spec.N)
	}
	return m, nil
}

func (m *changing) end(b *testing.B) {
	if err := m.process.end(); err != nil {
		b.Errorf("the client process: %v", err)
	}
	m.relay.close()
}

// run makes b.N changes: a registration and its deregistration in turn.
func (m *changing) run(b *testing.B) {
	before, err := m.process.ask("now", "-")
	if err != nil {
		b.Fatal(err)
	}
	queries := m.relay.queries.Load()
	var took time.Duration
	missed := 0
	for i := range b.N {
		began := time.Now()
		state, err := m.change(i%2 == 0)
		if err != nil {
			b.Fatal(err)
		}
		took += time.Since(began)
		missed += max(m.first.Have-state.Have, 0)
		time.Sleep(connsPace) // and what goes on after the last change counts, too
	}
	after, err := m.process.ask("now", "-")
	if err != nil {
		b.Fatal(err)
	}
	n := float64(b.N)
	b.ReportMetric(float64(took)/n, "ns/op")
	b.ReportMetric(float64(after.CPU-before.CPU)/n, "cpu-ns/op")
	b.ReportMetric(float64(after.Alloc-before.Alloc)/n, "alloc-B/op")
	b.ReportMetric(float64(m.relay.queries.Load()-queries)/n, "queries/op")
	b.ReportMetric(float64(m.relay.open.Load()), "open-conns")
	b.ReportMetric(float64(m.relay.refused.Load()), "429s")
	b.ReportMetric(float64(m.spec.N-m.first.Have), "without")
	b.ReportMetric(float64(missed)/n, "missed/op")
	b.ReportMetric(m.first.Memory, "B/client")
	if b.N%2 == 1 {
		if _, err := m.change(false); err != nil {
			b.Fatal(err)
		}
		time.Sleep(connsPace)
	}
}

// change adds an instance, or removes the one that was added, and returns when all
// clients have seen that.
func (m *changing) change(add bool) (clientState, error) {
	what, apply := "added", catalog.Add
	if !add {
		what, apply = "removed", catalog.Remove
	}
	if err := m.process.expect(what, catalog.Addr(m.next)); err != nil {
		return clientState{}, err
	}
	if err := apply(m.consul, m.spec.Service, m.next); err != nil {
		return clientState{}, err
	}
	if !add {
		m.next++ // each address comes once
	}
	return m.process.state()
}

// client is the process that is measured.
type client struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

func startClient(spec clientSpec) (*client, error) {
	text, err := json.Marshal(spec)
	if err != nil {
		return nil, err
	}
	c := &client{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	if c.stdin, err = c.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	stdout, err := c.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.lines = bufio.NewScanner(stdout)
	return c, c.cmd.Start()
}

// ask is expect and state.
func (c *client) ask(what, addr string) (clientState, error) {
	if err := c.expect(what, addr); err != nil {
		return clientState{}, err
	}
	return c.state()
}

// expect asks for a state when a change has been seen.
func (c *client) expect(what, addr string) error {
	_, err := fmt.Fprintln(c.stdin, what, addr)
	return err
}

func (c *client) state() (s clientState, err error) {
	if !c.lines.Scan() {
		return s, fmt.Errorf("the client process is gone: %v", c.lines.Err())
	}
	if err := json.Unmarshal(c.lines.Bytes(), &s); err != nil {
		return s, err
	}
	if s.Err != "" {
		return s, errors.New("the client process: " + s.Err)
	}
	return s, nil
}

func (c *client) end() error {
	c.stdin.Close()
	return c.cmd.Wait()
}
