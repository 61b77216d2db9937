// Package measure is the work that is timed, in one place for every
// implementation that is compared: the load of RPCs, the watcher whose updates
// are folded, and what is reported about them.
package measure
