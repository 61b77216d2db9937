package consulnaming

// What a process knows of its watches. Any goroutine may ask.

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// WatchStats says how one query is doing. It is a snapshot, and has no secret in it.
//
// While the agent answers, LastAnswer is two minutes old at most, with the default
// WaitTime: an agent holds a query for one minute if there is no change.
type WatchStats struct {
	Service    string
	Agent      string   // "agent " and its address, or "the given client's agent"
	Tags       []string // of [Tags]
	Datacenter string   // that is asked for; "" is the agent's own
	Watchers   int      // that share the query, resolvers of NewBuilder included

	Instances  int    // in the last answer
	Index      uint64 // Consul's, of the last answer
	LastAnswer time.Time
	LastChange time.Time // when Index moved, and the first answer

	LastError    string    // why there is no newer answer, "" if there is one
	FailingSince time.Time // when the first query in a row failed; zero if none has

	Queries  uint64 // sent so far
	Failures uint64 // of those
}

// Stats returns the state of all watches of the process, by service, then by agent.
// There is one for each query that is shared: see [NewConsulResolver], [New] and
// [NewBuilder]. A watch begins with the first Next of its first watcher, or with the first
// ClientConn, and ends with the Close of its last.
func Stats() []WatchStats {
	loops.Lock()
	running := make([]*loop, 0, len(loops.running))
	watchers := make([]int, 0, len(loops.running))
	for _, l := range loops.running {
		running = append(running, l)
		watchers = append(watchers, l.watchers)
	}
	loops.Unlock()
	all := make([]WatchStats, len(running))
	for i, l := range running {
		all[i] = l.stats.snapshot(l.query)
		all[i].Watchers = watchers[i]
	}
	slices.SortFunc(all, func(a, b WatchStats) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Agent, b.Agent))
	})
	return all
}

// stats are those of one loop, which writes them.
type stats struct {
	mu  sync.Mutex // guards what follows
	now WatchStats
}

func (s *stats) snapshot(q *query) WatchStats {
	s.mu.Lock()
	now := s.now
	s.mu.Unlock()
	now.Service, now.Agent, now.Tags, now.Datacenter = q.service, q.agent, slices.Clone(q.asked.tags), q.datacenter()
	return now
}

func (s *stats) asked() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Queries++
}

func (s *stats) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now.Failures++
	s.now.LastError = err.Error()
	if s.now.FailingSince.IsZero() {
		s.now.FailingSince = time.Now()
	}
}

func (s *stats) answered(instances int, index uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, now := &s.now, time.Now()
	if n.LastAnswer.IsZero() || index != n.Index {
		n.LastChange = now
	}
	n.Instances, n.Index, n.LastAnswer = instances, index, now
	n.LastError, n.FailingSince = "", time.Time{}
}
