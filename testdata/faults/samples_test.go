package faults

import (
	"bytes"
	"encoding/csv"
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"
)

// sample is the state of a soak at one moment.
type sample struct {
	at           time.Duration // since the beginning
	goroutines   int
	heap         uint64 // bytes of objects, garbage included
	sent, failed int64  // RPCs until now
	diverging    int    // addresses by which a set of gRPC's differs from the catalogue's
	fault        string // "" for none
}

// period is a time with a fault.
type period struct{ from, to time.Duration }

// samples are taken until stop.
type samples struct {
	trial  *trial
	client *client
	began  time.Time
	end    chan struct{}
	ended  sync.WaitGroup

	mu     sync.Mutex // guards what follows
	all    []sample
	faults []period
	fault  string
}

func startSampling(tr *trial, c *client, every time.Duration) *samples {
	s := &samples{trial: tr, client: c, began: time.Now(), end: make(chan struct{})}
	s.ended.Go(func() {
		next := time.NewTicker(every)
		defer next.Stop()
		for {
			s.take()
			select {
			case <-next.C:
			case <-s.end:
				return
			}
		}
	})
	return s
}

func (s *samples) stop() {
	close(s.end)
	s.ended.Wait()
}

// enter says that a fault begins, or with "" that it ends.
func (s *samples) enter(fault string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Since(s.began)
	if fault != "" {
		s.faults = append(s.faults, period{now, now})
	} else {
		s.faults[len(s.faults)-1].to = now
	}
	s.fault = fault
}

func (s *samples) take() {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}} // does not stop the world
	metrics.Read(heap)
	var sent, failed int64
	for k := range kind(kinds) {
		n, f := s.trial.counts(k)
		sent, failed = sent+n, failed+f
	}
	diverging := 0
	for _, o := range s.client.observers {
		has, _ := o.now()
		diverging = max(diverging, differ(has, s.trial.catalogue.now()))
	}
	one := sample{
		at:         time.Since(s.began),
		goroutines: runtime.NumGoroutine(),
		heap:       heap[0].Value.Uint64(),
		sent:       sent,
		failed:     failed,
		diverging:  diverging,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	one.fault = s.fault
	s.all = append(s.all, one)
}

// write writes the samples as CSV.
func (s *samples) write(path string) error {
	var b bytes.Buffer
	rows := [][]string{{"seconds", "goroutines", "heap bytes", "RPCs sent", "RPCs failed", "divergence", "fault"}}
	for _, one := range s.all {
		rows = append(rows, []string{
			strconv.FormatFloat(one.at.Seconds(), 'f', 2, 64), strconv.Itoa(one.goroutines), strconv.FormatUint(one.heap, 10),
			strconv.FormatInt(one.sent, 10), strconv.FormatInt(one.failed, 10), strconv.Itoa(one.diverging), one.fault,
		})
	}
	if err := csv.NewWriter(&b).WriteAll(rows); err != nil {
		return err
	}
	return writeFile(path, b.Bytes())
}
