package balancer

import (
	"errors"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
)

// clientConn is the ClientConn that an old Balancer is given.
type clientConn struct {
	today balancer.ClientConn
	tell  func(SubConn, SubConnState) // called by grpc, one at a time

	connErr atomic.Pointer[error] // of the latest SubConn that could not connect
	asleep  atomic.Int32          // how many of subConns have never been connected

	mu       sync.Mutex // guards what follows; taken without any other lock
	subConns map[SubConn]*subConn
	closed   bool
}

// subConn is what a clientConn knows of a SubConn. Its fields are used by grpc's
// calls, one at a time, but for awake, which clientConn.mu guards.
type subConn struct {
	SubConn
	listener func(SubConnState) // of the user's, or nil
	told     connectivity.State
	awake    bool // has been told of a state: Connect has been called
}

func (cc *clientConn) NewSubConn(addrs []resolver.Address, opts NewSubConnOptions) (SubConn, error) {
	s := &subConn{listener: opts.StateListener}
	opts.StateListener = func(state SubConnState) { cc.changed(s, state) }
	var err error
	if s.SubConn, err = cc.today.NewSubConn(addrs, opts); err != nil {
		return nil, err
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if cc.closed {
		s.Shutdown()
		return nil, errors.New("the Balancer is closed: no more SubConns")
	}
	cc.subConns[s.SubConn] = s
	cc.asleep.Add(1)
	return s.SubConn, nil
}

// changed is the StateListener of s. In v1.29.1 a SubConn connected again at once
// when it had lost its connection, and after a while when it had none, and was said
// to be connecting. Today it is idle until its Connect is called.
func (cc *clientConn) changed(s *subConn, state SubConnState) {
	if !cc.note(s, state) {
		return
	}
	if s.listener != nil {
		s.listener(state)
		return
	}
	idle := state.ConnectivityState == connectivity.Idle
	if idle {
		state = SubConnState{ConnectivityState: connectivity.Connecting}
	}
	if state.ConnectivityState != s.told {
		s.told = state.ConnectivityState
		cc.tell(s.SubConn, state)
	}
	if idle {
		s.Connect() // unless it has been removed just now, when it does nothing
	}
}

// note is false if nobody is to be told any more.
func (cc *clientConn) note(s *subConn, state SubConnState) bool {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	if !s.awake {
		s.awake = true
		cc.asleep.Add(-1)
	}
	switch state.ConnectivityState {
	case connectivity.Shutdown:
		delete(cc.subConns, s.SubConn)
	case connectivity.TransientFailure:
		cc.connErr.Store(&state.ConnectionError)
	}
	return !cc.closed
}

// picked connects a SubConn that a picker has returned and nobody has connected yet.
func (cc *clientConn) picked(sc SubConn) {
	if cc.asleep.Load() == 0 {
		return
	}
	cc.mu.Lock()
	s := cc.subConns[sc]
	sleeps := s != nil && !s.awake
	cc.mu.Unlock()
	if sleeps {
		sc.Connect()
	}
}

func (cc *clientConn) connectionError() error {
	if err := cc.connErr.Load(); err != nil {
		return *err
	}
	return nil
}

func (cc *clientConn) RemoveSubConn(sc SubConn) {
	cc.mu.Lock()
	s := cc.subConns[sc]
	cc.mu.Unlock()
	if s != nil {
		s.Shutdown()
	}
}

func (cc *clientConn) UpdateBalancerState(s connectivity.State, p Picker) {
	state := State{ConnectivityState: s}
	if p != nil {
		state.Picker = &oldPicker{p, cc}
	}
	cc.update(state)
}

func (cc *clientConn) UpdateState(s State) {
	if s.Picker != nil {
		s.Picker = &v2Picker{s.Picker, cc}
	}
	cc.update(s)
}

func (cc *clientConn) update(s State) {
	cc.mu.Lock()
	closed := cc.closed
	cc.mu.Unlock()
	if !closed {
		cc.today.UpdateState(s)
	}
}

func (cc *clientConn) ResolveNow(o resolver.ResolveNowOptions) { cc.today.ResolveNow(o) }

func (cc *clientConn) Target() string { return cc.today.Target() }

// close ends what the Balancer has left.
func (cc *clientConn) close() {
	cc.mu.Lock()
	left := cc.subConns
	cc.closed, cc.subConns = true, nil
	cc.mu.Unlock()
	for sc := range left {
		sc.Shutdown()
	}
}
