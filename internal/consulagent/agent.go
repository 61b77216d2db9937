// Package consulagent runs a real Consul agent for the integration tests and
// the demo: `consul agent -dev`, a server of one, in memory, on loopback ports
// of its own, with everything off that a client of the catalogue does not need.
//
// `make consul` provides the binary (see internal/buildconsul). For unit tests
// and for faults that a real agent does not produce there is
// consulnaming/consultest.
package consulagent

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
)

// Config says what to run. The zero value is enough.
type Config struct {
	// Path is the binary; the one that Find returns when empty.
	Path string
	// Output receives the agent's log; nil discards it. Writes come from one
	// goroutine at a time, and none after Stop has returned.
	Output io.Writer
	// ExtraHCL is configuration on top of this package's own, and wins over
	// it: https://developer.hashicorp.com/consul/docs/reference/agent/configuration-file.
	ExtraHCL string
	// Token is what the agent itself, the readiness check and Client use, for
	// an ExtraHCL that switches ACLs on: a token that may do everything. When
	// empty they act as the anonymous token, whatever CONSUL_HTTP_TOKEN says.
	Token string
	// HTTPS makes the agent answer at HTTPSAddress, too; what it needs for that,
	// certificates and keys, is ExtraHCL's.
	HTTPS bool
	// Persistent makes the agent keep on disk what it knows, so that it is still
	// there after Restart. Otherwise a Restart begins with an empty catalogue.
	Persistent bool

	join *membership // of StartCluster
}

// An Agent is a running Consul agent. Its methods may be called at any time
// from any goroutine.
type Agent struct {
	dir       string
	node      string
	ports     ports
	cfg       Config
	files     []string
	address   string
	client    *api.Client
	transport *http.Transport

	mu      sync.Mutex // guards process
	process *process

	stop    sync.Once
	stopErr error
}

// attempts bounds how often Start looks for other ports. Between the moment a
// port is found free and the moment the agent binds it, anyone may take it.
const attempts = 5

// Start runs an agent and waits until it has elected itself leader, answers
// queries about its own node and has nothing more to register. When ctx ends before that, the agent is killed
// and the error carries the end of its log; afterwards ctx has no effect. The
// caller calls Stop. On Linux the agent is also killed when this process dies
// without having called it.
func Start(ctx context.Context, cfg Config) (*Agent, error) {
	return startWith(ctx, cfg, freePorts)
}

func startWith(ctx context.Context, cfg Config, free func() (ports, error)) (*Agent, error) {
	return attempted(cfg, func(cfg Config) (*Agent, error) { return start(ctx, cfg, free) })
}

// attempted calls start with the path of a Consul, again if a port was taken.
func attempted[T any](cfg Config, start func(Config) (T, error)) (started T, err error) {
	if cfg.Path == "" {
		if cfg.Path, err = Find(); err != nil {
			return started, err
		}
	}
	for range attempts {
		if started, err = start(cfg); !errors.Is(err, errPortTaken) {
			break
		}
	}
	if err != nil {
		return started, fmt.Errorf("consulagent: start %s: %w", cfg.Path, err)
	}
	return started, nil
}

func start(ctx context.Context, cfg Config, free func() (ports, error)) (*Agent, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := free()
	if err != nil {
		return nil, err
	}
	return startAt(ctx, cfg, p)
}

func startAt(ctx context.Context, cfg Config, p ports) (_ *Agent, err error) {
	dir, err := os.MkdirTemp("", "consulagent-")
	if err != nil {
		return nil, err
	}
	a := &Agent{dir: dir, ports: p, cfg: cfg, address: fmt.Sprintf("127.0.0.1:%d", p.http), transport: &http.Transport{}}
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	// A name of its own tells this agent from another one that may have taken
	// the HTTP port.
	a.node = filepath.Base(dir)
	if a.files, err = writeConfig(dir, a.node, p, cfg); err != nil {
		return nil, err
	}
	if a.client, err = newClient(a.address, cfg.Token, a.transport); err != nil {
		return nil, err
	}
	if err := a.run(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

// run starts the process and waits until it is ready.
func (a *Agent) run(ctx context.Context) error {
	p, err := startProcess(a.cfg.Path, a.dir, a.cfg.mode(), a.files, a.cfg.Output)
	if err != nil {
		return err
	}
	a.mu.Lock()
	a.process = p
	a.mu.Unlock()
	return a.awaitReady(ctx, p)
}

func (a *Agent) running() *process {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.process
}

// Address is the agent's HTTP API, "127.0.0.1:port".
func (a *Agent) Address() string { return a.address }

// HTTPSAddress is the same over TLS, "127.0.0.1:port", if Config.HTTPS is set.
func (a *Agent) HTTPSAddress() string { return fmt.Sprintf("127.0.0.1:%d", a.ports.https) }

// Client is a client of the agent. Its connections are closed by Stop.
func (a *Agent) Client() *api.Client { return a.client }

// Stop ends the agent, killing it when it does not end by itself within five
// seconds, and removes its files. Nothing of it is left when Stop returns.
// Further calls wait for the first and return its result.
func (a *Agent) Stop() error {
	a.stop.Do(func() {
		if p := a.running(); p != nil {
			a.stopErr = p.end(5 * time.Second)
		}
		a.transport.CloseIdleConnections()
		a.stopErr = errors.Join(a.stopErr, os.RemoveAll(a.dir))
		if a.stopErr != nil {
			a.stopErr = fmt.Errorf("consulagent: stop the agent at %s: %w", a.address, a.stopErr)
		}
	})
	return a.stopErr
}

// newClient makes a client that the CONSUL_HTTP_* variables of this process do
// not reach: api.NewClient takes them for every field that is left empty.
// "anonymous" is the secret of Consul's anonymous token, that is, no token.
func newClient(address, token string, transport *http.Transport) (*api.Client, error) {
	if token == "" {
		token = "anonymous"
	}
	return api.NewClient(&api.Config{
		Address:    address,
		Scheme:     "http",
		Token:      token,
		HttpClient: &http.Client{Transport: transport},
	})
}
