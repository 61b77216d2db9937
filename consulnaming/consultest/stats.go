package consultest

import (
	"context"
	"errors"
	"fmt"
)

// Stats counts what a Server was asked.
type Stats struct {
	// Requests is how many HTTP requests have arrived.
	Requests int
	// Queries is how many of them were health queries (/v1/health/...).
	Queries int
	// Open is how many health queries have not been answered yet, those that
	// a Fault holds included.
	Open int
	// Blocked is how many health queries are waiting for a change or for their
	// time to pass. A change made from now on ends them.
	Blocked int
}

// Stats returns the counts of this moment. A client may have its answer
// shortly before Open and Blocked say so: use Await.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stats
}

// Await blocks until condition is true of the server's Stats. It calls
// condition at once, and again, on the caller's goroutine, after changes. The
// error says what the Stats were when ctx ended or the server was closed.
func (s *Server) Await(ctx context.Context, condition func(Stats) bool) error {
	for {
		s.mu.Lock()
		stats, moved := s.stats, s.moved
		s.mu.Unlock()
		if condition(stats) {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("consultest: waiting for agent %s, which has %+v: %w", s.Address(), stats, ctx.Err())
		case <-s.root.Done():
			return fmt.Errorf("consultest: waiting for agent %s, which has %+v: %w", s.Address(), stats, errClosed)
		}
	}
}

var errClosed = errors.New("consultest: the server is closed")

// count changes the stats and wakes those who wait for them.
func (s *Server) count(change func(*Stats)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.stats)
	close(s.moved)
	s.moved = make(chan struct{})
}
