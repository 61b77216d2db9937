package consulagent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// errPortTaken means that the agent could not bind a port that was free a
// moment before: another port may do.
var errPortTaken = errors.New("port taken")

// awaitReady returns when the agent has a leader and answers with its own
// node. There is nothing to wait on before the HTTP listener is there, so it
// asks again every few milliseconds.
func (a *Agent) awaitReady(ctx context.Context, p *process) error {
	// Whoever has taken the port may accept a query and never answer it: the
	// agent's end also ends the query.
	asking, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		defer cancel()
		select {
		case <-p.done:
		case <-asking.Done():
		}
	}()
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		notYet := a.ready(asking)
		if notYet == nil {
			return nil
		}
		select {
		case <-p.done:
			log := p.log.String()
			err := fmt.Errorf("the agent exited (%v); the end of its log:\n%s", p.err, log)
			if strings.Contains(log, "address already in use") || strings.Contains(log, "Only one usage of each socket address") {
				err = fmt.Errorf("%w: %w", errPortTaken, err)
			}
			return err
		case <-ctx.Done():
			return fmt.Errorf("not ready: %w (last: %w); the end of its log:\n%s", ctx.Err(), notYet, p.log.String())
		case <-ticker.C:
		}
	}
}

// ready is nil when the agent is. It does without package api, whose requests
// the environment can change.
func (a *Agent) ready(ctx context.Context) error {
	var leader string
	if err := a.get(ctx, "/v1/status/leader", &leader); err != nil {
		return err
	}
	if leader == "" {
		return errors.New("no leader yet")
	}
	// The leader enters the node, its check and the service consul; a moment
	// later the agent adds its tagged addresses. Until then the index moves
	// although nobody has changed anything.
	if a.cfg.join.isClient() {
		return a.healthy(ctx)
	}
	var servers []struct {
		Node struct {
			Node            string
			TaggedAddresses map[string]string
		}
		Checks []struct{ Status string }
	}
	if err := a.get(ctx, "/v1/health/service/consul?consistent", &servers); err != nil {
		return err
	}
	for _, s := range servers {
		if s.Node.Node != a.node {
			continue
		}
		for _, check := range s.Checks {
			if check.Status != "passing" {
				return fmt.Errorf("node %s is %s", a.node, check.Status)
			}
		}
		if len(s.Node.TaggedAddresses) > 0 && len(s.Checks) > 0 && len(servers) == a.cfg.join.servers() {
			return nil
		}
	}
	return fmt.Errorf("the catalogue does not have node %s yet, or not all servers: %+v", a.node, servers)
}

// healthy is nil when the servers know this node, which is no server.
func (a *Agent) healthy(ctx context.Context) error {
	var checks []struct{ Status string }
	if err := a.get(ctx, "/v1/health/node/"+a.node, &checks); err != nil {
		return err
	}
	if len(checks) == 0 || checks[0].Status != "passing" {
		return fmt.Errorf("the servers do not know node %s yet: %+v", a.node, checks)
	}
	return nil
}

func (a *Agent) get(ctx context.Context, path string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.address+path, nil)
	if err != nil {
		return err
	}
	if token := a.cfg.Token; token != "" {
		request.Header.Set("X-Consul-Token", token)
	}
	response, err := (&http.Client{Transport: a.transport}).Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(out)
}
