package consulagent

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// membership is what a member of a cluster knows of it.
type membership struct {
	serf   []int // ports of the servers' gossip
	client bool  // it is no server
}

func (m *membership) isClient() bool { return m != nil && m.client }

// servers is how many there are; one without a cluster.
func (m *membership) servers() int {
	if m == nil {
		return 1
	}
	return len(m.serf)
}

func (m *membership) addresses() string {
	var list []string
	for _, port := range m.serf {
		list = append(list, fmt.Sprintf(`"127.0.0.1:%d"`, port))
	}
	return strings.Join(list, ", ")
}

// Cluster is servers that elect a leader among them, and one agent that is a
// client of theirs, as on the machines where services run.
type Cluster struct {
	Servers []*Agent
	Client  *Agent
}

// StartCluster runs n servers and a client on loopback ports of their own and
// waits until each is ready or ctx ends. cfg.Persistent is implied, and cfg.Output
// receives all their logs, from several goroutines. The caller calls Stop.
func StartCluster(ctx context.Context, n int, cfg Config) (*Cluster, error) {
	return attempted(cfg, func(cfg Config) (*Cluster, error) { return startCluster(ctx, n, cfg) })
}

func startCluster(ctx context.Context, n int, cfg Config) (*Cluster, error) {
	all, serf := make([]ports, n+1), make([]int, n)
	for i := range all {
		p, err := freePorts()
		if err != nil {
			return nil, err
		}
		if all[i] = p; i < n {
			serf[i] = p.serf
		}
	}
	// One that fails leaves the others without a leader to wait for.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	agents, errs := make([]*Agent, n+1), make([]error, n+1)
	var wg sync.WaitGroup
	for i, p := range all {
		member := cfg
		member.join = &membership{serf: serf, client: i == n}
		wg.Go(func() {
			if agents[i], errs[i] = startAt(ctx, member, p); errs[i] != nil {
				cancel()
			}
		})
	}
	wg.Wait()
	c := &Cluster{Servers: agents[:n], Client: agents[n]}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// Leader is the server that the agent at says leads, and the others.
func (c *Cluster) Leader(at *Agent) (leader *Agent, followers []*Agent, err error) {
	address, err := at.Client().Status().Leader()
	if err != nil {
		return nil, nil, fmt.Errorf("consulagent: leader, as seen by %s: %w", at.Address(), err)
	}
	for _, s := range c.Servers {
		if address == fmt.Sprintf("127.0.0.1:%d", s.ports.server) {
			leader = s
		} else {
			followers = append(followers, s)
		}
	}
	if leader == nil {
		return nil, nil, fmt.Errorf("consulagent: leader, as seen by %s: %q is no server of the cluster", at.Address(), address)
	}
	return leader, followers, nil
}

// Stop stops all that run.
func (c *Cluster) Stop() error {
	var errs []error
	for _, a := range append([]*Agent{c.Client}, c.Servers...) {
		if a != nil {
			errs = append(errs, a.Stop())
		}
	}
	return errors.Join(errs...)
}
