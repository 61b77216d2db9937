package adapter

// What a naming.Watcher may have beside Next and Close. internal/follow calls it.

// ErrorReporter is an optional interface of a naming.Watcher that keeps trying
// inside Next instead of returning an error, as consulnaming's does. The
// adapter calls OnError once, before the first Next. The watcher then calls f,
// from within Next, with the reason of each failure, and with nil when that is
// over. RPCs show the last reason for as long as no address is known.
type ErrorReporter interface {
	OnError(f func(error))
}

// FullLister is an optional interface of a naming.Watcher whose first Next
// returns all there is, be it nothing, as consulnaming's does. The adapter calls
// FirstNextIsFull once, before the first Next after Resolve. If it says so, that
// Next replaces what is known from before: before the ClientConn was idle, from
// the last Dial with the same RoundRobin, from a watcher that failed.
//
// Otherwise only a first Next of adds alone does, for legacy resolvers that are
// their own Watchers go on where they were: nothing means nothing new. Such a one
// may say that it is full if each Resolve makes it begin anew and Close ends a Next
// that is running.
type FullLister interface {
	FirstNextIsFull() bool
}
