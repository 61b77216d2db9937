package bench

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/grpcnaming/grpcnaming/testdata/bench/measure"
)

// load makes RPCs and looks who answers them.
type load struct {
	channel measure.Channel

	mu   sync.Mutex // guards what follows
	look func(server string, ended time.Time)
	err  error
}

// start makes RPCs by so many callers, without a pause, until stop.
func (l *load) start(callers int) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for range callers {
		running.Go(func() {
			for ctx.Err() == nil {
				server, err := l.channel.Call(context.Background(), true)
				ended := time.Now()
				l.mu.Lock()
				if err != nil {
					l.err = err
				} else if l.look != nil {
					l.look(server, ended)
				}
				l.mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}

const lookTime = 20 * time.Second

// first returns a function that waits for the first RPC that server answers, from
// now on, and returns when it ended.
func (l *load) first(server string) (wait func() (time.Time, error)) {
	found := make(chan time.Time, 1)
	l.set(func(by string, ended time.Time) {
		if by == server {
			found <- ended
			l.look = nil
		}
	})
	return func() (time.Time, error) { return l.await(found) }
}

// enough RPCs in a row that another server has answered show that none goes to
// this one any more: they are made in turn.
const enough = 200

// last returns a function that waits until no RPC goes to server any more, and
// returns when the last one that did ended.
func (l *load) last(server string) (wait func() (time.Time, error)) {
	found := make(chan time.Time, 1)
	last := time.Now() // unless another one ends
	others := 0
	l.set(func(by string, ended time.Time) {
		if others++; by == server {
			last, others = ended, 0
		}
		if others == enough {
			found <- last
			l.look = nil
		}
	})
	return func() (time.Time, error) { return l.await(found) }
}

func (l *load) set(look func(server string, ended time.Time)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.look = look
}

func (l *load) await(found <-chan time.Time) (time.Time, error) {
	select {
	case t := <-found:
		return t, nil
	case <-time.After(lookTime):
		l.mu.Lock()
		defer l.mu.Unlock()
		return time.Time{}, errors.Join(errors.New("no end of waiting for RPCs to move"), l.err)
	}
}
