package faults

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
)

// label marks the goroutines of a trial: each has the labels of the goroutine that
// started it. So trials can run side by side and be counted one by one.
const label = "trial"

func labelled(name string) {
	pprof.SetGoroutineLabels(pprof.WithLabels(context.Background(), pprof.Labels(label, name)))
}

// unlabelled runs f, whose goroutines belong to no trial.
func unlabelled(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		pprof.SetGoroutineLabels(context.Background())
		f()
	}()
	<-done
}

// goroutines is how many a trial has, and what they do.
func goroutines(trial string) (n int, stacks string) {
	var all bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&all, 1); err != nil {
		panic(err) // a buffer takes everything
	}
	total, _, _ := strings.Cut(all.String(), "\n")
	total += "\n" // before the first block
	mark := fmt.Sprintf("%q:%q", label, trial)
	var mine strings.Builder
	for _, block := range strings.Split(all.String(), "\n\n") {
		if !strings.Contains(block, mark) {
			continue
		}
		block = strings.TrimPrefix(block, total)
		var count int
		if _, err := fmt.Sscanf(block, "%d @", &count); err != nil {
			panic(fmt.Sprintf("not a profile of goroutines: %v: %q", err, block))
		}
		n += count
		mine.WriteString(block + "\n\n")
	}
	return n, mine.String()
}

// usage is what the process has and has used.
type usage struct {
	goroutines, files int // files is 0 where there is no /proc
	heap              uint64
}

// use measures after collecting garbage. Twice, as a collection may leave
// finalizers and pools behind.
func use() usage {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return usage{runtime.NumGoroutine(), openFiles(), m.HeapAlloc}
}

func (u usage) String() string {
	return fmt.Sprintf("%d goroutines, %d files, %.1f MB of heap", u.goroutines, u.files, float64(u.heap)/1e6)
}

// openFiles counts file descriptors where the system tells.
func openFiles() int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return 0
	}
	return len(entries) - 1 // the directory's own
}
