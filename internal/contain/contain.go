// Package contain keeps what code of the user's does wrong from doing harm to
// others: a panic on a goroutine that the user could not guard, a call that
// does not return.
package contain

import (
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/grpclog"
)

// Logger is where the adapter and what it is made of log to.
var Logger = grpclog.Component("grpcnaming")

// Call calls f, a method of the user's, and makes an error of a panic. The
// method is one of v's.
func Call(v any, method string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T.%s panicked: %v", v, method, p)
			Logger.Errorf("%v\n%s", err, debug.Stack())
		}
	}()
	return f()
}

// Within runs f and returns when it has returned or d is over. An f that takes
// longer goes on in the background, and what, if given, is logged.
func Within(d time.Duration, what string, f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-done:
	case <-t.C:
		if what != "" {
			Logger.Warningf("%s has not returned after %v; it goes on in the background", what, d)
		}
	}
}
