package leaving

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// A scenario happens to the programs of all stations at once: they have the same
// Consul and the same backends.
type scenario struct {
	t *testing.T
	*world
	stations []*station
	open     map[string]row // the rows of the table that have not occurred
}

// A look is what a step does with the program at a station. It returns what that sees.
type look func(*station) string

// step compares what the program sees at each station. One that has died is told of in
// the step that finds it dead, and sees nothing until it is started again.
func (s *scenario) step(name string, see look) {
	s.t.Helper()
	began := time.Now()
	var seen []string
	var alive []string // what those see that have not died
	for _, at := range s.stations {
		if at.dead {
			seen = append(seen, "")
			continue
		}
		saw := see(at)
		if end := at.end(); end != "" {
			at.dead, saw = true, end
		}
		seen, alive = append(seen, saw), append(alive, saw)
	}
	s.t.Logf("%5.2f s  %s: %s", time.Since(began).Seconds(), name, strings.Join(slices.Compact(slices.Clone(alive)), " | "))
	want, meant := s.open[name]
	delete(s.open, name)
	switch same := len(slices.Compact(alive)) <= 1; {
	case same && meant:
		s.t.Errorf("%s: the table has a row, and all see %q", name, seen)
	case !same && !meant:
		s.t.Errorf("%s: the table has no row, and they see %q", name, seen)
	case !same && !slices.Equal(seen, want.seen[:]):
		s.t.Errorf("%s: they see %q, and the table says %q", name, seen, want.seen)
	}
}

// fresh starts a second program at each station, for those steps.
func (s *scenario) fresh(exe func(*station) string, steps func()) {
	s.t.Helper()
	first := make(map[*station]*process)
	for _, at := range s.stations {
		first[at], at.process = at.process, start(s.t, exe(at))
	}
	steps()
	for _, at := range s.stations {
		at.stop()
		at.process = first[at]
	}
}

// answers are the outcomes of a command that has n of them, or less if the program
// dies.
func (s *scenario) answers(at *station, n int, format string, args ...any) []string {
	answers := at.ask(n, format, args...)
	for i, a := range answers {
		answers[i] = s.outcome(a)
	}
	return answers
}

// outcome has a backend's name for its address, and of an error only the code.
func (s *scenario) outcome(answer string) string {
	word, rest, _ := strings.Cut(answer, " ")
	if word != "OK" || rest == "" {
		return word
	}
	for name, b := range s.backends {
		if b.Addr() == rest {
			return name
		}
	}
	return rest
}

// one is the outcome of a command.
func (s *scenario) one(format string, args ...any) look {
	return func(at *station) string { return strings.Join(s.answers(at, 1, format, args...), "") }
}

// any is the outcome of a command where it does not matter which backend answers.
func (s *scenario) any(format string, args ...any) look {
	return func(at *station) string {
		if o := s.one(format, args...)(at); s.backends[o] == nil {
			return o
		}
		return "answered"
	}
}

// turns waits until calls go to those backends in turn and to no other, and then
// makes more of them.
func (s *scenario) turns(names ...string) look {
	calls := func(at *station, rounds int) string {
		n := rounds * len(names)
		return inTurn(s.answers(at, n, "call %d now 5s", n))
	}
	want := strings.Join(names, ", ") + " in turn"
	if len(names) == 1 {
		want = names[0]
	}
	return func(at *station) string {
		s.until(at, "calls "+want, func() bool { return calls(at, 2) == want })
		return calls(at, 6)
	}
}

// fails waits until a call fails, and then makes three.
func (s *scenario) fails(at *station) string {
	s.until(at, "has no instance", func() bool { return s.backends[s.one("call 1 now 5s")(at)] == nil })
	return inTurn(s.answers(at, 3, "call 3 now 5s"))
}

// streamTo opens a stream to that backend, and calls it that.
func (s *scenario) streamTo(name string) look {
	return func(at *station) (got string) {
		s.until(at, "has a stream to "+name, func() bool {
			if got = s.one("stream %s", name)(at); got == name {
				return true
			}
			s.one("cancel %s", name)(at)
			return false
		})
		return got
	}
}

// until waits for a condition, unless the program dies.
func (s *scenario) until(at *station, what string, ok func() bool) {
	s.t.Helper()
	testwait.Until(s.t, fmt.Sprintf("the program at %s %s", at.name, what), func() bool { return ok() || at.end() != "" })
}

// inTurn says in short what the outcomes are: one, some in turn, or how often each.
func inTurn(outcomes []string) string {
	count := make(map[string]int)
	for _, o := range outcomes {
		count[o]++
	}
	names := slices.Sorted(maps.Keys(count))
	if len(names) == 1 {
		return names[0]
	}
	for i := len(names); i < len(outcomes); i++ {
		if outcomes[i] != outcomes[i-len(names)] {
			var each []string
			for _, n := range names {
				each = append(each, fmt.Sprintf("%d × %s", count[n], n))
			}
			return strings.Join(each, ", ")
		}
	}
	return strings.Join(names, ", ") + " in turn"
}
