// Package contain calls the user's code where it could harm others: it makes an
// error of a panic that the user could not recover, and does not wait for ever.
// Any goroutine may call it. It keeps nothing.
package contain

import (
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/grpclog"
)

// Logger is the log of package adapter and of the internal packages under it.
var Logger = grpclog.Component("grpcnaming")

// Call calls f, which calls the named method of the user's v, and makes an error of a
// panic.
func Call(v any, method string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T.%s panicked: %v", v, method, p)
			Logger.Errorf("%v\n%s", err, debug.Stack())
		}
	}()
	return f()
}

// Within runs f and returns when f has returned or d is over. An f that takes longer
// goes on in the background; the log then says so of what, unless that is "".
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
