package faults

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// startAgent starts a real agent of the test's own.
func startAgent(t *testing.T, cfg consulagent.Config) *consulagent.Agent {
	t.Helper()
	var agent *consulagent.Agent
	var err error
	unlabelled(func() { agent, err = consulagent.Start(testwait.Context(t), cfg) })
	if err != nil {
		t.Fatalf("the real Consul (run `make consul`): %v", err)
	}
	t.Cleanup(func() {
		if err := agent.Stop(); err != nil {
			t.Error(err)
		}
	})
	return agent
}

// restart starts agents that were killed, all at once, as the servers of a
// cluster need one another for it.
func restart(agents ...*consulagent.Agent) error {
	ctx, cancel := context.WithTimeout(context.Background(), testwait.Patience)
	defer cancel()
	errs := make(chan error)
	unlabelled(func() {
		for _, a := range agents {
			go func() { errs <- a.Restart(ctx) }()
		}
	})
	var failed error
	for range agents {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return failed
}

// underLoad is a trial at an agent of its own, under load.
func underLoad(t *testing.T, name string, agent *consulagent.Agent, options ...consulnaming.Option) *trial {
	t.Helper()
	tr := newTrial(t, name)
	tr.at(inCatalog{agent.Client(), tr.service})
	tr.serve(3)
	tr.dial(source{client: tr.client(api.Config{Address: agent.Address()}), options: options})
	tr.begin()
	return tr
}

// client is one whose connections end with the test.
func (tr *trial) client(cfg api.Config) *api.Client {
	tr.t.Helper()
	cfg.Transport = &http.Transport{MaxIdleConnsPerHost: 1} // as NewConsulResolver has it
	tr.transports = append(tr.transports, cfg.Transport)
	if cfg.Token == "" {
		cfg.Token = "anonymous"
	}
	c, err := api.NewClient(&cfg)
	tr.must(err)
	tr.t.Cleanup(cfg.Transport.CloseIdleConnections)
	return c
}

// An agent that is killed takes nothing with it but news.
func TestAgentIsKilled(t *testing.T) {
	t.Parallel()
	t.Run("restarted with its data", func(t *testing.T) {
		t.Parallel()
		agent := startAgent(t, consulagent.Config{Persistent: true})
		tr := underLoad(t, "agent killed, restarted with its data", agent)
		tr.must(agent.Kill())
		time.Sleep(span(2*time.Second, 30*time.Second)) // it is gone for so long
		tr.over(func() { tr.must(restart(agent)) })
	})
	t.Run("restarted empty, KeepLastKnown", func(t *testing.T) {
		t.Parallel()
		agent := startAgent(t, consulagent.Config{})
		tr := underLoad(t, "agent killed, restarted empty, KeepLastKnown", agent, consulnaming.KeepLastKnown())
		tr.allowedLines = 1 // that they are kept
		tr.must(agent.Kill())
		time.Sleep(span(time.Second, 30*time.Second))
		tr.must(tr.catalogue.lost(func() error { return restart(agent) }))
		testwait.Until(t, "it is noticed", func() bool { return tr.log.snapshot().nOthers == kinds })
		tr.over(func() { tr.putAll() })
	})
	t.Run("restarted empty", func(t *testing.T) {
		t.Parallel()
		agent := startAgent(t, consulagent.Config{})
		tr := newTrial(t, "agent killed, restarted empty: no RPC until there is an instance")
		tr.at(inCatalog{agent.Client(), tr.service})
		tr.serve(3)
		c := tr.dial(source{agent: agent.Address()})
		tr.mayLack(c)
		tr.converge()
		tr.must(agent.Kill())
		tr.must(tr.catalogue.lost(func() error { return restart(agent) }))
		tr.converge() // to nothing, as in v1.29.1
		tr.putAll()
		tr.begin()
		tr.over(func() {})
	})
}

// A ClientConn that was idle knows addresses, and begins a new watch, also at a
// server that has just started and still reads its log.
func TestAgentIsRestartedInIdleness(t *testing.T) {
	t.Parallel()
	agent := startAgent(t, consulagent.Config{Persistent: true})
	tr := newTrial(t, "agent killed, restarted with its data, a ClientConn goes idle and wakes all the time")
	tr.at(inCatalog{agent.Client(), tr.service})
	unlabelled(func() { // something to read
		for range 5_000 {
			if _, err := agent.Client().KV().Put(&api.KVPair{Key: "x"}, nil); err != nil {
				t.Error(err)
				return
			}
		}
	})
	tr.serve(3)
	var loads []*load // one of each kind
	for k := range kind(kinds) {
		loads = append(loads, tr.connect(k, source{agent: agent.Address()}, nil, grpc.WithIdleTimeout(50*time.Millisecond)))
	}
	sleep := func() {
		for _, l := range loads {
			testwait.Until(t, "the ClientConn is idle", func() bool { return l.conn.GetState() == connectivity.Idle })
		}
	}
	wake := func() {
		sleep()
		for _, l := range loads {
			l.call()
		}
	}
	wake()
	wake()
	// What is left then are the servers' listeners, one goroutine of each idle ClientConn
	// and the test's own.
	settled := func() (n int) {
		sleep()
		testwait.Until(t, "nothing runs for the ClientConn", func() bool {
			n, _ = goroutines(t.Name())
			return n <= len(tr.running)+len(loads)+1
		})
		return n
	}
	before := settled()
	tr.must(agent.Kill())
	began := time.Now()
	restarted := make(chan error, 1)
	go func() { restarted <- restart(agent) }()
	for again := true; again; {
		wake()
		select {
		case err := <-restarted:
			tr.must(err)
			again = false
		default:
		}
	}
	wake()
	wake()
	after := settled()
	r := row{name: tr.name, before: before, after: after}
	for _, l := range loads {
		for _, e := range l.firstErrors() {
			t.Errorf("%v: an RPC failed: %s", l.kind, e)
		}
		r.of[l.kind] = &figures{sent: l.sent.Load(), failed: l.failed.Load(), converged: unmeasured}
	}
	t.Logf("the agent was back after %v; %v", time.Since(began).Round(time.Millisecond), r)
	table.add(r)
}

// putAll puts those that are healthy throughout into the catalogue in one change.
func (tr *trial) putAll() {
	tr.t.Helper()
	var all []instance
	for i, b := range tr.backends {
		all = append(all, tr.instance(string(rune('a'+i)), b))
	}
	tr.persist("register", func() error { return tr.catalogue.put(all...) })
}

// An agent that has lost its state says that there is no instance. By default
// gRPC has none then, as in the article; with KeepLastKnown the last ones stay,
// and RPCs go on.
func TestAgentForgets(t *testing.T) {
	t.Parallel()
	t.Run("KeepLastKnown", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t, "stand-in restarted empty, KeepLastKnown")
		tr.allowedLines = 1 // that they are kept
		server := tr.standIn()
		tr.serve(3)
		tr.dial(source{client: tr.client(api.Config{Address: server.Address()}), options: []consulnaming.Option{consulnaming.KeepLastKnown()}})
		tr.begin()
		tr.must(tr.catalogue.lost(func() error { server.Reset(); return nil }))
		testwait.Until(t, "it is noticed", func() bool { return tr.log.snapshot().nOthers == kinds })
		tr.over(func() {
			// The last answer may name only some: that is not an empty one.
			for _, c := range tr.clients {
				tr.mayLack(c)
			}
			tr.putBackends()
		})
	})
	t.Run("by default", func(t *testing.T) {
		t.Parallel()
		tr := newTrial(t, "stand-in restarted empty")
		server := tr.standIn()
		tr.serve(3)
		c := tr.dial(source{client: tr.client(api.Config{Address: server.Address()})})
		tr.mayLack(c)
		tr.converge()
		tr.must(tr.catalogue.lost(func() error { server.Reset(); return nil }))
		tr.converge() // to nothing
		tr.putBackends()
		tr.begin()
		tr.over(func() {})
	})
}

// A stopped agent accepts connections and says nothing.
func TestAgentIsStopped(t *testing.T) {
	t.Parallel()
	agent := startAgent(t, consulagent.Config{})
	tr := underLoad(t, "agent stopped and continued", agent)
	tr.must(agent.Pause())
	time.Sleep(span(2*time.Second, 90*time.Second)) // longer than a query may take
	tr.over(func() { tr.must(agent.Resume()) })
}

// Whichever servers of a cluster die, what clients have stays, and they learn what
// is new when there is somebody who knows it.
func TestCluster(t *testing.T) {
	t.Parallel()
	var cluster *consulagent.Cluster
	var err error
	unlabelled(func() { cluster, err = consulagent.StartCluster(testwait.Context(t), 3, consulagent.Config{}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	leader := func(t *testing.T) (leader *consulagent.Agent, followers []*consulagent.Agent) {
		testwait.Until(t, "there is a leader", func() bool {
			var err error
			unlabelled(func() { leader, followers, err = cluster.Leader(cluster.Client) })
			return err == nil
		})
		return leader, followers
	}
	for _, c := range []struct {
		name string
		kill func(leader *consulagent.Agent, followers []*consulagent.Agent) []*consulagent.Agent
	}{
		{"leader killed", func(l *consulagent.Agent, _ []*consulagent.Agent) []*consulagent.Agent {
			return []*consulagent.Agent{l}
		}},
		{"follower killed", func(_ *consulagent.Agent, f []*consulagent.Agent) []*consulagent.Agent {
			return f[1:]
		}},
		{"quorum lost and regained", func(l *consulagent.Agent, f []*consulagent.Agent) []*consulagent.Agent {
			return []*consulagent.Agent{l, f[1]}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, followers := leader(t)
			tr := newTrial(t, "cluster: "+c.name)
			tr.at(inCatalog{cluster.Client.Client(), tr.service})
			tr.serve(3)
			killed := c.kill(l, followers)
			// One watches through the client agent, one at a server that stays, one
			// at a server that does not.
			tr.dial(source{agent: cluster.Client.Address()})
			tr.dial(source{agent: followers[0].Address()})
			tr.dial(source{agent: killed[0].Address()})
			tr.begin()
			for _, a := range killed {
				tr.must(a.Kill())
			}
			if len(killed) == 1 {
				tr.join() // there is, or will be, a leader to take it
				tr.learned(time.Now(), tr.clients[:2])
			}
			time.Sleep(span(2*time.Second, 30*time.Second)) // they are gone for so long
			tr.over(func() {
				tr.must(restart(killed...))
				caughtUp(t, cluster.Client, killed)
			})
		})
	}
}

// caughtUp waits until servers that were restarted know what the cluster does. A
// leader that could not reach one for a while tries again after up to ten seconds,
// see backoff in github.com/hashicorp/raft/util.go, and until then the server answers
// blocking queries with what it knew before.
func caughtUp(t *testing.T, at *consulagent.Agent, servers []*consulagent.Agent) {
	t.Helper()
	mark := &api.KVPair{Key: t.Name(), Value: []byte("here")}
	testwait.Until(t, "there is a leader", func() (ok bool) {
		unlabelled(func() {
			_, err := at.Client().KV().Put(mark, nil)
			ok = err == nil
		})
		return ok
	})
	for _, s := range servers {
		testwait.Until(t, "the server at "+s.Address()+" catches up", func() (ok bool) {
			unlabelled(func() {
				pair, _, err := s.Client().KV().Get(mark.Key, &api.QueryOptions{AllowStale: true})
				ok = err == nil && pair != nil
			})
			return ok
		})
	}
}
