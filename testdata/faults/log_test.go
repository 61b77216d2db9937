package faults

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/grpclog"
)

// logs is what grpclog writes warnings and errors to. It keeps what somebody
// watches for, so that an hour of them does not fill the memory.
var logs struct {
	mu      sync.Mutex // guards what follows, and what is in watches
	watches map[*logWatch]bool
	strays  int      // lines of ours about no service
	stray   []string // the first ones
}

func captureLogs() {
	logs.watches = make(map[*logWatch]bool)
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(io.Discard, logWriter{}, io.Discard))
}

const lastLines = 20 // that a failure shows

// logWatch has what consulnaming says about one service.
type logWatch struct {
	service string                 // in quotes
	delay   map[string][]retryLine // the last of each kind's query, by service and agent
	others  []string               // the first lines that are about no retry
	nOthers int
	wrong   []string // retries that came before their time
	last    []string // the last lines, each after its time
}

type retryLine struct {
	at    time.Time
	delay time.Duration
	most  time.Duration // that the next delay may be, of which there may be no line
}

// watchLog watches for lines about service until stop.
func watchLog(service string) (w *logWatch, stop func()) {
	w = &logWatch{service: strconv.Quote(service), delay: make(map[string][]retryLine)}
	logs.mu.Lock()
	defer logs.mu.Unlock()
	logs.watches[w] = true
	return w, func() {
		logs.mu.Lock()
		defer logs.mu.Unlock()
		delete(logs.watches, w)
	}
}

type logWriter struct{}

// aRetry is what consulnaming logs when a query fails: which, of which agent, and
// when it will be sent again.
var aRetry = regexp.MustCompile(`consul (service "[^"]*", (?:agent \S+|the given client's agent)):.*; trying again in (\S+)`)

// Write takes one line.
func (logWriter) Write(p []byte) (int, error) {
	now, line := time.Now(), string(p)
	logs.mu.Lock()
	defer logs.mu.Unlock()
	ofConsul := strings.Contains(line, "[consulnaming]")
	if strings.Contains(line, "[grpcnaming]") || ofConsul && !strings.Contains(line, `service "`) {
		if logs.strays++; len(logs.stray) < 5 {
			logs.stray = append(logs.stray, strings.TrimSpace(line))
		}
	}
	for w := range logs.watches {
		if ofConsul && strings.Contains(line, w.service) {
			w.take(now, line)
		}
	}
	return len(p), nil
}

// noStrays fails if the adapter has said anything: no fault of Consul's is its own
// to tell of.
func noStrays() error {
	logs.mu.Lock()
	defer logs.mu.Unlock()
	if logs.strays == 0 {
		return nil
	}
	return fmt.Errorf("%d lines of the log are about no query, want none: %q", logs.strays, logs.stray)
}

func (w *logWatch) take(now time.Time, line string) {
	if len(w.last) == lastLines {
		w.last = w.last[1:]
	}
	w.last = append(w.last, now.Format("15:04:05.000 ")+strings.TrimSpace(line))
	m := aRetry.FindStringSubmatch(line)
	delay, err := time.ParseDuration("0s")
	if m != nil {
		delay, err = time.ParseDuration(m[2])
	}
	if m == nil || err != nil {
		if w.nOthers++; len(w.others) < 5 {
			w.others = append(w.others, strings.TrimSpace(line))
		}
		return
	}
	w.delay[m[1]] = w.next(w.delay[m[1]], retryLine{now, delay, longestDelay(line)}, line)
}

// next puts one in the place of the line that it follows. One line per retry at most: it
// comes after the delay that the one before named. The kinds' queries are not told apart
// by their lines, but each line follows another.
func (w *logWatch) next(last []retryLine, one retryLine, line string) []retryLine {
	for i, l := range last {
		if one.at.Sub(l.at) >= l.delay-time.Millisecond {
			last[i] = one
			return last
		}
	}
	if len(last) < kinds {
		return append(last, one)
	}
	if len(w.wrong) < 5 {
		early := one.at.Sub(last[0].at)
		w.wrong = append(w.wrong, fmt.Sprintf("%v after one that said %v: %s", early, last[0].delay, strings.TrimSpace(line)))
	}
	last[0] = one
	return last
}

// An EOF is after the quoted URL: that of an answer without a body is another failure.
var unreached = regexp.MustCompile(`connection refused|connection reset|no such host|broken pipe|": EOF`)

// longestDelay is what consulnaming promises for the failure that a line is about.
func longestDelay(line string) time.Duration {
	switch {
	case unreached.MatchString(line):
		return time.Second
	case strings.Contains(line, "Unexpected response code: 5"):
		return span(2*time.Second, 10*time.Second) // it is longer after half a minute
	}
	return 10 * time.Second
}

// backoff is the longest delay that a query may be waiting out.
func (w *logWatch) backoff() (longest time.Duration) {
	logs.mu.Lock()
	defer logs.mu.Unlock()
	for _, lines := range w.delay {
		for _, r := range lines {
			longest = max(longest, r.delay, r.most)
		}
	}
	return longest
}

// snapshot is a copy of w.
func (w *logWatch) snapshot() logWatch {
	logs.mu.Lock()
	defer logs.mu.Unlock()
	s := *w
	s.last = slices.Clone(w.last)
	return s
}
