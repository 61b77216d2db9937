package adapter

// The two channels of this package: one with the newest value, one that says that
// there is something new.

// mailbox holds the newest value that was put and not taken yet. One goroutine
// at a time puts, without ever waiting; one takes.
type mailbox[T any] chan T

func newMailbox[T any]() mailbox[T] { return make(chan T, 1) }

func (m mailbox[T]) put(v T) {
	select {
	case <-m:
	default:
	}
	m <- v
}

// signal says to whoever reads c, which has room for one, that there is
// something new. Any number of goroutines may.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
