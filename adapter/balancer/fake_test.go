package balancer_test

import (
	"sync/atomic"
	"testing"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
)

// fakeClientConn is one of today's that only remembers.
type fakeClientConn struct {
	balancer.ClientConn
	states   []balancer.State
	subConns []*fakeSubConn
}

func (f *fakeClientConn) UpdateState(s balancer.State) { f.states = append(f.states, s) }
func (f *fakeClientConn) Target() string               { return "fake" }
func (f *fakeClientConn) NewSubConn(_ []resolver.Address, o balancer.NewSubConnOptions) (balancer.SubConn, error) {
	sc := &fakeSubConn{listener: o.StateListener}
	f.subConns = append(f.subConns, sc)
	return sc, nil
}

type fakeSubConn struct {
	balancer.SubConn
	listener            func(balancer.SubConnState)
	connects, shutdowns atomic.Int32
}

func (f *fakeSubConn) Connect()  { f.connects.Add(1) }
func (f *fakeSubConn) Shutdown() { f.shutdowns.Add(1) }

// fakeBuild builds a policy as grpc does.
func fakeBuild(t testing.TB, name string) (*fakeClientConn, balancer.Balancer) {
	t.Helper()
	cc := &fakeClientConn{}
	return cc, balancer.Get(name).Build(cc, balancer.BuildOptions{})
}
