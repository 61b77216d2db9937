package consulagent

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

func register(t *testing.T, a *Agent) {
	t.Helper()
	// In the catalogue, not at the agent, which keeps what it is told on its own.
	_, err := a.Client().Catalog().Register(&api.CatalogRegistration{Node: "n", Address: "127.0.0.1",
		Service: &api.AgentService{ID: "web", Service: "web", Port: 80}}, nil)
	if err != nil {
		t.Fatal(err)
	}
}

// instances asks for a consistent read: by default a server that has just come to
// lead may answer before it has read its log.
func instances(t *testing.T, a *Agent) (n int, index uint64) {
	t.Helper()
	entries, meta, err := a.Client().Health().Service("web", "", false, &api.QueryOptions{RequireConsistent: true})
	if err != nil {
		t.Fatal(err)
	}
	return len(entries), meta.LastIndex
}

// A persistent agent knows after Kill and Restart what it knew; another begins
// anew, and its indexes do.
func TestKillAndRestart(t *testing.T) {
	for name, persistent := range map[string]bool{"persistent": true, "in memory": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := startReal(t, Config{Persistent: persistent})
			if err := a.Restart(t.Context()); err == nil {
				t.Fatal("an agent that runs was restarted")
			}
			for range 20 {
				register(t, a)
			}
			had, before := instances(t, a)
			if had != 1 {
				t.Fatalf("%d instances, want 1", had)
			}
			if err := a.Kill(); err != nil {
				t.Fatal(err)
			}
			if conn, err := net.Dial("tcp", a.Address()); err == nil {
				conn.Close()
				t.Fatal("it accepts connections after Kill")
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := a.Restart(ctx); err != nil {
				t.Fatal(err)
			}
			has, after := instances(t, a)
			if persistent && (has != 1 || after < before) {
				t.Errorf("%d instances at index %d, and it had one at %d", has, after, before)
			}
			if !persistent && has != 0 {
				t.Errorf("%d instances, want none", has)
			}
		})
	}
}

func TestPauseAndResume(t *testing.T) {
	a := startReal(t, Config{})
	if err := a.Pause(); err != nil {
		t.Fatal(err)
	}
	answers := func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		_, _, err := a.Client().Health().Service("web", "", false, (&api.QueryOptions{}).WithContext(ctx))
		return err == nil
	}
	testwait.Until(t, "the agent has stopped", func() bool { return !answers() })
	if answers() {
		t.Error("a paused agent answers")
	}
	if err := a.Resume(); err != nil {
		t.Fatal(err)
	}
	if n, _ := instances(t, a); n != 0 {
		t.Errorf("%d instances", n)
	}
}

// Whoever leads may die: another does then, and what was known is still.
func TestCluster(t *testing.T) {
	privateTemp(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := StartCluster(ctx, 3, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	}()
	register(t, c.Client)
	leader, followers, err := c.Leader(c.Client)
	if err != nil || len(followers) != 2 {
		t.Fatalf("%d followers, %v", len(followers), err)
	}
	if err := leader.Kill(); err != nil {
		t.Fatal(err)
	}
	for {
		next, _, err := c.Leader(followers[0])
		if err == nil && next != leader {
			break
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("no other leader: %v", err)
		}
	}
	if n, _ := instances(t, followers[0]); n != 1 {
		t.Errorf("%d instances, want 1", n)
	}
	if err := leader.Restart(ctx); err != nil {
		t.Fatal(err)
	}
	if n, _ := instances(t, leader); n != 1 {
		t.Errorf("%d instances at the one that was restarted, want 1", n)
	}
}
