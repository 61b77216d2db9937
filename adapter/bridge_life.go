package adapter

import (
	"fmt"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// closeTime is how long closing a ClientConn waits for Balancer.Close and for
// an Up or down that is running. What takes longer goes on in the background.
const closeTime = time.Second

// startTime is how long Dial waits for Balancer.Start, which v1.29.1 called while
// Dial waited however long it took. A Start that takes longer goes on, and RPCs
// wait for it within their deadlines.
const startTime = 10 * time.Second

// wakeTime is how long a Balancer that was started again has for its first
// list before RPCs are told that it may be unable to start twice.
const wakeTime = 5 * time.Second

// open starts the Balancer while the caller, and thereby Dial, waits. All of the
// bridge's goroutines end with Close.
func (b *bridge) open() {
	go b.send()
	former := b.option.latest.Swap(b)
	b.again = b.option.closed.Load()
	if b.again {
		// No Dial waits here but an RPC, which has a deadline.
		go b.run(former, func() {})
		return
	}
	tried := make(chan struct{})
	go b.run(former, sync.OnceFunc(func() { close(tried) }))
	select {
	case <-tried:
	case <-time.After(startTime):
		logger.Warningf("target %q: %T.Start has not returned after %v; it goes on in the background", b.target, b.option.balancer, startTime)
	}
}

// run starts the Balancer, again and again if need be, and follows it. It calls
// tried after the first attempt.
func (b *bridge) run(former *bridge, tried func()) {
	if former != nil && former.closing.Load() {
		select {
		case <-former.closed: // what is left of it would hit the new life
		case <-b.ctx.Done():
			return
		}
	}
	backOff := newBackOff()
	for {
		err := b.start()
		if err == nil {
			b.follow()
			tried()
			return
		}
		b.states.put(report{err: err})
		tried()
		if b.ctx.Err() != nil { // that is why, and nothing to tell
			return
		}
		delay := backOff.NextBackOff()
		logger.Warningf("%v; trying again in %v", err, delay)
		if !sleep(b.ctx, delay) {
			return
		}
	}
}

// start calls Balancer.Start once. A RoundRobin that already works for another
// ClientConn makes room for a sibling: DialOptions that are kept in a variable
// and used for several Dials were common, and worked.
func (b *bridge) start() error {
	err := b.call("Start", func() error {
		b.setStarting(true)
		defer b.setStarting(false)
		rr, ok := b.balancer.(*roundRobin)
		if !ok {
			b.setBegun() // a Start that fails may leave something behind
			return b.balancer.Start(b.target, b.config)
		}
		news := func(f *feed) { b.states.put(report{feed: f}) }
		err := rr.begin(b.target, false, news)
		if err == errStarted {
			rr = RoundRobin(rr.resolver).(*roundRobin)
			b.balancer = rr
			err = rr.begin(b.target, false, news)
		}
		if err == nil {
			b.setBegun() // not before: another ClientConn's life is not ours to end
		}
		return err
	})
	if b.closing.Load() { // Close came while Start was running, and left it to us
		b.closeBalancer()
		return errConnClosing
	}
	if err != nil {
		return fmt.Errorf("starting the balancer for target %q: %w", b.target, b.explain(err))
	}
	return nil
}

func (b *bridge) setStarting(v bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.starting = v
}

func (b *bridge) setBegun() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.begun = true
}

// explain adds the way out to an error of a Balancer that has been closed
// before: v1 balancers needed to start only once, and channels never went idle.
func (b *bridge) explain(err error) error {
	if _, ok := b.balancer.(*roundRobin); ok || !b.again {
		return err
	}
	return fmt.Errorf("%w (this %T was closed before, by a ClientConn that went idle or was closed; "+
		"if it cannot start twice, dial with grpc.WithIdleTimeout(0))", err, b.balancer)
}

// explainGet does the same for an error of Get that says nothing about
// addresses, as Get of a Balancer that stays closed does.
func (b *bridge) explainGet(err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.Canceled {
		return err
	}
	return b.explain(err)
}

// Close closes the Balancer, and thereby its watcher, and waits for it up to
// closeTime. A Balancer whose Start failed is closed too, as in v1.29.1; one that
// is still starting, when it has.
func (b *bridge) Close() {
	b.cancel()
	b.mu.Lock()
	b.closing.Store(true)
	b.mu.Unlock()
	within(closeTime, fmt.Sprintf("%T.Close", b.option.balancer), func() {
		within(closeTime/2, "", b.calls.Wait) // so that none seems to come after Close
		b.mu.Lock()
		starting := b.starting
		b.mu.Unlock()
		if !starting {
			b.allDown()
			b.closeBalancer()
		}
	})
}

func (b *bridge) closeBalancer() {
	b.closeOnce.Do(func() {
		defer close(b.closed)
		b.mu.Lock()
		begun := b.begun
		b.mu.Unlock()
		if !begun {
			return
		}
		b.option.closed.Store(true)
		err := contain(b.balancer, "Close", b.balancer.Close)
		if err != nil {
			logger.Warningf("target %q: closing the balancer: %v", b.target, err)
		}
	})
}
