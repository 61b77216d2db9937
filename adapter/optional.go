package adapter

// What a naming.Watcher may have beside Next and Close. internal/follow calls it.

// ErrorReporter is an optional interface of a naming.Watcher that keeps trying
// inside Next instead of returning an error, as consulnaming's does. The
// adapter calls OnError once, before the first Next. The watcher then calls f,
// from within Next, with the reason of each failure, and with nil when that is
// over. While no address is known, RPCs show the last reason.
type ErrorReporter interface {
	OnError(f func(error))
}

// FullLister is an optional interface of a naming.Watcher whose first Next
// returns the full set, also when that is empty, as consulnaming's does. The adapter
// calls FirstNextIsFull once, before the first Next after Resolve. If it returns true,
// that Next replaces the addresses from before: from before the ClientConn was idle,
// from the last Dial with the same RoundRobin, or from a watcher that failed.
//
// Without it, the first Next replaces them only if all its updates are Adds. Some
// legacy resolvers are their own Watchers and go on where they were: their empty first
// Next means that nothing is new. Such a resolver may be a FullLister if each Resolve
// makes it begin anew and Close ends a Next that is running.
type FullLister interface {
	FirstNextIsFull() bool
}
