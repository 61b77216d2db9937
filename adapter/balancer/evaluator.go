package balancer

import "google.golang.org/grpc/connectivity"

// ConnectivityStateEvaluator makes one state of those of many SubConns. It is used
// by one goroutine at a time.
//
// It is not today's, which counts idle SubConns too: a Balancer written for this one
// never says that a SubConn has become idle, only that it no longer is.
//
// Deprecated: use ConnectivityStateEvaluator of google.golang.org/grpc/balancer, and
// tell it of new SubConns.
type ConnectivityStateEvaluator struct {
	ready, connecting int
}

// RecordTransition is told that a SubConn goes from one state to another, and returns
// the state of all: Ready if any is ready, else Connecting if any is connecting, else
// TransientFailure.
func (e *ConnectivityStateEvaluator) RecordTransition(oldState, newState connectivity.State) connectivity.State {
	e.count(oldState, -1)
	e.count(newState, 1)
	switch {
	case e.ready > 0:
		return connectivity.Ready
	case e.connecting > 0:
		return connectivity.Connecting
	}
	return connectivity.TransientFailure
}

func (e *ConnectivityStateEvaluator) count(s connectivity.State, n int) {
	switch s {
	case connectivity.Ready:
		e.ready += n
	case connectivity.Connecting:
		e.connecting += n
	}
}
