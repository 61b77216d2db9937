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
}

// An Agent is a running Consul agent. Its methods may be called at any time
// from any goroutine.
type Agent struct {
	dir       string
	address   string
	client    *api.Client
	transport *http.Transport
	process   *process

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
	if cfg.Path == "" {
		path, err := Find()
		if err != nil {
			return nil, err
		}
		cfg.Path = path
	}
	return startWith(ctx, cfg, freePorts)
}

func startWith(ctx context.Context, cfg Config, free func() (ports, error)) (*Agent, error) {
	var err error
	for range attempts {
		var a *Agent
		if a, err = start(ctx, cfg, free); err == nil {
			return a, nil
		}
		if !errors.Is(err, errPortTaken) {
			break
		}
	}
	return nil, fmt.Errorf("consulagent: start %s: %w", cfg.Path, err)
}

func start(ctx context.Context, cfg Config, free func() (ports, error)) (_ *Agent, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p, err := free()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "consulagent-")
	if err != nil {
		return nil, err
	}
	a := &Agent{dir: dir, address: fmt.Sprintf("127.0.0.1:%d", p.http), transport: &http.Transport{}}
	defer func() {
		if err != nil {
			a.Stop()
		}
	}()
	// A name of its own tells this agent from another one that may have taken
	// the HTTP port.
	node := filepath.Base(dir)
	files, err := writeConfig(dir, node, p, cfg.Token, cfg.ExtraHCL)
	if err != nil {
		return nil, err
	}
	if a.client, err = newClient(a.address, cfg.Token, a.transport); err != nil {
		return nil, err
	}
	if a.process, err = startProcess(cfg.Path, dir, files, cfg.Output); err != nil {
		return nil, err
	}
	if err := a.awaitReady(ctx, node, cfg.Token); err != nil {
		return nil, err
	}
	return a, nil
}

// Address is the agent's HTTP API, "127.0.0.1:port".
func (a *Agent) Address() string { return a.address }

// Client is a client of the agent. Its connections are closed by Stop.
func (a *Agent) Client() *api.Client { return a.client }

// Stop ends the agent, killing it when it does not end by itself within five
// seconds, and removes its files. Nothing of it is left when Stop returns.
// Further calls wait for the first and return its result.
func (a *Agent) Stop() error {
	a.stop.Do(func() {
		if a.process != nil {
			a.stopErr = a.process.end(5 * time.Second)
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
