// Package testlog keeps what is logged through grpclog, for tests to look at.
package testlog

import (
	"bytes"
	"io"
	"sync"

	"google.golang.org/grpc/grpclog"
)

// Log is what has been logged since Capture.
type Log struct {
	mu       sync.Mutex // guards what follows
	b        bytes.Buffer
	dropping bool
}

// Capture makes grpclog write to the Log that it returns. Like
// grpclog.SetLoggerV2 it is called once, before grpc is used.
func Capture() *Log {
	l := &Log{}
	// What is logged as a warning or an error goes to the first writer too.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(l, io.Discard, io.Discard))
	return l
}

// Write implements io.Writer.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropping {
		return len(p), nil
	}
	return l.b.Write(p)
}

// Drop keeps nothing of what is logged until end is called: a fuzz test that
// runs a million times would fill the memory with it.
func (l *Log) Drop() (end func()) {
	set := func(v bool) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.dropping = v
	}
	set(true)
	return func() { set(false) }
}

// Mark returns a function that returns what has been logged since Mark.
func (l *Log) Mark() (since func() string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := l.b.Len()
	return func() string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return string(l.b.Bytes()[from:])
	}
}
