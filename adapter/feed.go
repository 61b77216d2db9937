package adapter

import (
	"slices"
	"sync/atomic"
)

// feed is what a RoundRobin tells of its addresses from one Start to its end, by
// Close or by the next Start. A bridge is told that there is something new, and
// fetches what is newest when grpc can take it; whoever calls Notify is sent
// lists by a goroutine, which there is only then. So a change costs no list that
// nobody reads.
type feed struct {
	rr    *roundRobin
	news  func(*feed) // with rr.mu held; nil if there is no bridge
	ended atomic.Bool // read without lock, too

	// rr.mu guards what follows.
	watch *watch         // nil without resolver
	lists chan []Address // likewise; what Notify returns; holds the newest list until it is read
	wake  mailbox[struct{}]
	done  chan struct{} // closed when it has ended
	told  bool          // there has been something to tell

	// The bridge, and the goroutine behind Notify, have been told of something that
	// they have not fetched. Of more they need not be told: that would be most of
	// what an update costs when there are many in a row.
	bridgeTold, notifyTold bool
}

func newFeed(rr *roundRobin, news func(*feed)) *feed {
	return &feed{rr: rr, news: news, done: make(chan struct{})}
}

// tell is called with rr.mu held when the addresses have changed.
func (f *feed) tell() {
	f.told = true
	if f.news != nil && !f.bridgeTold {
		f.bridgeTold = true
		f.news(f)
	}
	if f.wake != nil && !f.notifyTold {
		f.notifyTold = true
		f.wake.put(struct{}{})
	}
}

// fetch returns the newest addresses, unless the feed has ended, to the one whose
// flag told is.
func (f *feed) fetch(told *bool) (newest snapshot, ok bool) {
	f.rr.mu.Lock()
	defer f.rr.mu.Unlock()
	*told = false
	return f.rr.known.snapshot(), !f.ended.Load()
}

// notify is Balancer.Notify; it is called with rr.mu held.
func (f *feed) notify() <-chan []Address {
	if f.lists == nil || f.wake != nil || f.ended.Load() {
		return f.lists
	}
	f.wake = newMailbox[struct{}]()
	if f.told { // whoever looks without waiting finds it
		mailbox[[]Address](f.lists).put(f.rr.known.list())
	}
	go f.send()
	return f.lists
}

// send is the goroutine behind Notify. Only the fetching and the putting take
// the lock, and not the making of a list, so that it holds up no change.
func (f *feed) send() {
	for {
		select {
		case <-f.wake:
		case <-f.done:
			return
		}
		newest, _ := f.fetch(&f.notifyTold)
		list := slices.Clone(newest.list()) // whoever reads it may change it
		f.rr.mu.Lock()
		if !f.ended.Load() {
			mailbox[[]Address](f.lists).put(list)
		}
		f.rr.mu.Unlock()
	}
}

// end is called with rr.mu held, once.
func (f *feed) end() {
	f.ended.Store(true)
	close(f.done)
	if f.lists != nil {
		close(f.lists)
	}
}
