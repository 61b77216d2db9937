package etcd

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// A result is what a program has come through with. Times are in seconds.
type result struct {
	grpc       string
	puts       int                // until all are killed
	followers  outage             // two of them are killed, one after the other
	leader     outage             // it is killed
	back       float64            // from when a member is ready again until it is sent puts
	allBack    float64            // the same, all were killed
	cpu        map[string]float64 // CPU, seconds in a second
	probes     map[string]string  // errors while no member runs, by the call
	unseen     int                // puts that the watch has missed
	lost       string             // what became of the lease
	goroutines int
}

// An outage is that of a member.
type outage struct {
	answer         // what became of puts
	goesOn float64 // from the kill until puts succeed and none fails
}

// restTime is how long the CPU is measured.
const restTime = 2 * time.Second

// failover kills each of three members in turn, the leader last, and lets it come
// back; and then all.
func failover(t *testing.T, exe string) *result {
	t.Helper()
	c := startCluster(t, "http")
	p := start(t, exe, c.endpoints(), "load")
	r := &result{grpc: p.read().GRPC, cpu: make(map[string]float64)}
	t.Logf("put, get, txn, watch, leases with grpc-go %s", r.grpc)
	until(p, "puts are answered by all members", all)
	r.cpu["1000 puts"] = busy(p)
	r.puts = p.take().Puts
	killed := make(map[*member]bool)
	for len(killed) < len(c) || r.leader.Failed == nil {
		m, leads := c.next(t, killed)
		killed[m] = true
		what, o := "a follower", &r.followers
		if leads {
			what, o = "the leader", &r.leader
		}
		t.Logf("%s, %s, is killed", m.args[0], what)
		if err := m.kill(); err != nil {
			t.Fatal(err)
		}
		o.goesOn = max(o.goesOn, until(p, "puts go on", untroubled))
		r.cpu["a member down"] = max(r.cpu["a member down"], atRest(p))
		if err := m.start(); err != nil {
			t.Fatal(err)
		}
		t.Log("it is back")
		p.ask("work")
		r.back = max(r.back, until(p, "puts are answered by all members", all))
		r.puts += p.sum.Puts
		o.answer.add(p.take())
	}
	t.Log("all are killed")
	if err := c.each((*member).kill); err != nil {
		t.Fatal(err)
	}
	r.cpu["all down"] = atRest(p)
	r.probes = p.ask("probe").Probes
	if err := c.each((*member).start); err != nil {
		t.Fatal(err)
	}
	t.Log("all are back")
	p.ask("work")
	r.allBack = until(p, "puts are answered by all members", all)
	last := p.ask("quit")
	r.unseen, r.lost, r.goroutines = last.Unseen, last.Lost, last.Goroutines
	if last.Stacks != "" {
		t.Logf("goroutines left:\n%s", last.Stacks)
	}
	return r
}

// until asks again and again for what has happened since it asked last, until that is
// as it should be, and returns the seconds that this took.
func until(p *process, what string, fine func(answer) bool) float64 {
	p.t.Helper()
	const limit = 2 * time.Minute
	began := time.Now()
	p.ask("mark")
	for {
		time.Sleep(window)
		a := p.ask("mark")
		if took := time.Since(began); fine(a) {
			p.t.Logf("    %s after %.1f s; failed: %v", what, took.Seconds(), p.sum.Failed)
			return took.Seconds()
		} else if took > limit {
			p.t.Fatalf("not within %v: %s; %+v", limit, what, a)
		}
	}
}

// window is how long puts must do well. A writer that waits all the time has not.
const window = 500 * time.Millisecond

// untroubled is true if each writer has succeeded of late.
func untroubled(a answer) bool { return len(a.Failed) == 0 && a.Gap < window.Seconds()/2 && a.Puts > 0 }

func all(a answer) bool { return untroubled(a) && len(a.Members) == 3 }

// busy is the CPU that the program uses for a thousand puts.
func busy(p *process) float64 {
	p.ask("mark")
	time.Sleep(restTime)
	a := p.ask("mark")
	return a.CPU / float64(a.Puts) * 1000
}

// atRest is the CPU that the program uses in a second without puts.
func atRest(p *process) float64 {
	p.ask("rest")
	began := time.Now()
	time.Sleep(restTime)
	return p.ask("mark").CPU / time.Since(began).Seconds()
}

// next is a follower that has not been killed, and if there is none the leader.
func (c cluster) next(t *testing.T, killed map[*member]bool) (m *member, leads bool) {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(100 * time.Millisecond) {
		var leader *member
		for _, m := range c {
			if leads, err := m.leads(); err != nil {
				t.Fatal(err)
			} else if leads {
				leader = m
			} else if !killed[m] {
				return m, false
			}
		}
		if leader != nil {
			return leader, true
		}
	}
	t.Fatal("no leader after a minute")
	return nil, false
}

// leads says whether the member is the leader, by its metrics.
func (m *member) leads() (bool, error) {
	response, err := http.Get("http://" + m.addr + "/metrics")
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return false, err
	}
	_, after, ok := strings.Cut(string(text), "\netcd_server_is_leader ")
	if !ok {
		return false, errors.New("no etcd_server_is_leader in the metrics of " + m.addr)
	}
	return strings.HasPrefix(after, "1\n"), nil
}

// check holds a migrated program to what etcd's users may rely on.
func (r *result) check(t *testing.T) {
	t.Helper()
	const within = 15 // seconds; an election takes up to two, and a put that waits for it three
	if worst := max(r.followers.goesOn, r.leader.goesOn, r.followers.Gap, r.leader.Gap); worst > within {
		t.Errorf("with a member down, writers went without success for %.1f s", worst)
	}
	for text := range r.leader.Failed {
		r.allowed(t, text)
	}
	for text := range r.followers.Failed {
		r.allowed(t, text)
	}
	if worst := max(r.cpu["a member down"], r.cpu["all down"]); worst > 0.1 {
		t.Errorf("the program used %.2f of a core while it had nothing to do", worst)
	}
	if r.unseen > 0 {
		t.Errorf("the watch has missed %d puts", r.unseen)
	}
	if r.lost != "" {
		t.Errorf("the lease was lost: %s", r.lost)
	}
	if r.goroutines > 0 {
		t.Errorf("the closed client has left %d goroutines", r.goroutines)
	}
}

// allowed are the errors of puts that were under way when a member was killed.
func (r *result) allowed(t *testing.T, text string) {
	t.Helper()
	for _, part := range []string{"code = Unavailable", "deadline exceeded", "etcdserver: request timed out", "etcdserver: leader changed"} {
		if strings.Contains(text, part) {
			return
		}
	}
	t.Errorf("puts have failed with %q", text)
}
