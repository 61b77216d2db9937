package adapter

import (
	"fmt"
	"runtime/debug"
	"time"

	"google.golang.org/grpc/grpclog"
)

var logger = grpclog.Component("grpcnaming")

// contain calls f, a method of the user's, and makes an error of a panic. It is
// used where f runs on a goroutine of ours or of grpc's, which no user could
// guard; the method is one of v's.
func contain(v any, method string, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%T.%s panicked: %v", v, method, p)
			logger.Errorf("%v\n%s", err, debug.Stack())
		}
	}()
	return f()
}

// within runs f and returns when it has returned or d is over. An f that takes
// longer goes on in the background, and what, if given, is logged.
func within(d time.Duration, what string, f func()) {
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
			logger.Warningf("%s has not returned after %v; it goes on in the background", what, d)
		}
	}
}
