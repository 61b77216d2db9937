package measure

import (
	"errors"
	"fmt"
	"testing"
)

// FoldCounts are the numbers of Adds that are folded.
var FoldCounts = []int{10, 1_000, 10_000, 100_000}

// Batching says how Adds come: all in one Next, or one by each.
var Batching = []string{"one", "single"}

var errClosed = errors.New("the watcher is closed")

// Watcher is a naming.Watcher for the naming package whose Update is U: it
// returns a number of batches as fast as it is asked, and waits for Close then.
type Watcher[U any] struct {
	batches [][]*U
	closed  chan struct{}
}

// Batches returns n updates, made by add, in one batch or in single ones.
func Batches[U any](n int, batching string, add func(addr string) *U) [][]*U {
	all := make([]*U, n)
	for i := range all {
		all[i] = add(fmt.Sprintf("10.%d.%d.%d:50051", i>>16, i>>8&255, i&255))
	}
	if batching == "one" {
		return [][]*U{all}
	}
	batches := make([][]*U, n)
	for i := range all {
		batches[i] = all[i : i+1]
	}
	return batches
}

// NewWatcher returns a Watcher of batches, which it does not change.
func NewWatcher[U any](batches [][]*U) *Watcher[U] {
	return &Watcher[U]{batches: batches, closed: make(chan struct{})}
}

// Next returns the next batch.
func (w *Watcher[U]) Next() ([]*U, error) {
	if len(w.batches) == 0 {
		<-w.closed
		return nil, errClosed
	}
	first := w.batches[0]
	w.batches = w.batches[1:]
	return first, nil
}

// Close ends a Next that waits.
func (w *Watcher[U]) Close() { close(w.closed) }

// Fold times how long it takes, from Start, until a list with all n addresses
// has come out of Notify. start makes a balancer whose watcher delivers them, and
// starts it.
func Fold[A any](b *testing.B, n int, start func() (notify <-chan []A, close func() error)) {
	b.ReportAllocs()
	b.ResetTimer() // the updates have just been made
	for range b.N {
		notify, closeBalancer := start()
		for len(<-notify) < n {
		}
		b.StopTimer()
		if err := closeBalancer(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
