package balancer

import (
	"encoding/json"
	"reflect"
	"sync"
	"sync/atomic"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/contain"
)

// todayBuilder is a Builder of today's grpc as an old one.
type todayBuilder struct{ today balancer.Builder }

// parsingBuilder is one that is a ConfigParser too.
type parsingBuilder struct {
	todayBuilder
	ConfigParser
}

func (b todayBuilder) Name() string { return b.today.Name() }

func (b todayBuilder) Build(cc ClientConn, opts BuildOptions) Balancer {
	t := &todayBalancer{cc: &todayClientConn{ClientConn: todayOf(cc, opts), old: cc, subConns: make(map[SubConn]*todaySubConn)}}
	if p, ok := b.today.(ConfigParser); ok {
		t.config, _ = p.ParseConfig(json.RawMessage("{}"))
	}
	t.policy = b.today.Build(t.cc, balancer.BuildOptions{
		DialCreds:       opts.DialCreds,
		CredsBundle:     opts.CredsBundle,
		Dialer:          opts.Dialer,
		Authority:       opts.Authority,
		ChannelzParent:  opts.ChannelzParent,
		CustomUserAgent: opts.CustomUserAgent,
		Target:          opts.Target,
	})
	return t
}

// todayOf finds the ClientConn of today's behind cc, for the methods that the old one
// does not have: of those that are not the same for all ClientConns there is, as yet,
// only MetricsRecorder. If cc is a type of the user's and opts are not those that the
// user was given, it is another ClientConn's.
func todayOf(cc ClientConn, opts BuildOptions) balancer.ClientConn {
	if opts.cc != nil {
		return opts.cc
	}
	if cc, ok := cc.(*clientConn); ok {
		return cc.today
	}
	if cc := latest.Load(); cc != nil {
		return *cc
	}
	return nil
}

// todayBalancer is a policy of today's grpc as an old Balancer: the child of one, or
// under an old name. It is told of the states that old Balancers know.
type todayBalancer struct {
	cc     *todayClientConn
	policy balancer.Balancer
	config serviceconfig.LoadBalancingConfig // what {} means to the policy, or nil
}

// UpdateClientConnState passes on the addresses, of which today's policies look only
// at the endpoints: a parent that knows addresses may have changed them. A config that
// is not the policy's is the parent's: in v1.29.1 round_robin and pick_first did not
// look at it.
func (t *todayBalancer) UpdateClientConnState(s ClientConnState) error {
	s.ResolverState.Endpoints = nil
	for _, a := range s.ResolverState.Addresses {
		e := resolver.Endpoint{Attributes: a.BalancerAttributes}
		a.BalancerAttributes = nil
		e.Addresses = []resolver.Address{a}
		s.ResolverState.Endpoints = append(s.ResolverState.Endpoints, e)
	}
	if t.config != nil && reflect.TypeOf(s.BalancerConfig) != reflect.TypeOf(t.config) {
		s.BalancerConfig = t.config
	}
	defer t.stayConnected()
	return t.policy.UpdateClientConnState(s)
}

func (t *todayBalancer) HandleResolvedAddrs(addrs []resolver.Address, err error) {
	if err != nil {
		t.ResolverError(err)
		return
	}
	err = t.UpdateClientConnState(ClientConnState{ResolverState: resolver.State{Addresses: addrs}})
	if err != nil {
		contain.Logger.Infof("%T.UpdateClientConnState: %v", t.policy, err)
	}
}

func (t *todayBalancer) ResolverError(err error) {
	t.policy.ResolverError(err)
	t.stayConnected()
}

func (t *todayBalancer) HandleSubConnStateChange(sc SubConn, s connectivity.State) {
	t.UpdateSubConnState(sc, SubConnState{ConnectivityState: s})
}

// UpdateSubConnState tells the policy what it expects to hear today: a SubConn that
// connects again was idle before, and one that fails says why.
func (t *todayBalancer) UpdateSubConnState(sc SubConn, s SubConnState) {
	c := t.cc.find(sc, s.ConnectivityState == connectivity.Shutdown)
	if c == nil {
		return
	}
	was := c.state
	c.state = s.ConnectivityState
	switch {
	case s.ConnectivityState == connectivity.TransientFailure && s.ConnectionError == nil:
		s.ConnectionError = ErrTransientFailure
	case s.ConnectivityState == connectivity.Connecting && was != connectivity.Idle:
		t.tell(c, SubConnState{ConnectivityState: connectivity.Idle})
	}
	t.tell(c, s)
}

func (t *todayBalancer) tell(c *todaySubConn, s SubConnState) {
	if c.listener != nil {
		c.listener(s)
	} else {
		t.policy.UpdateSubConnState(c, s)
	}
	t.stayConnected()
}

// stayConnected makes a policy that has become idle, as pick_first does today when it
// loses its connection, connect again: those of v1.29.1 did so by themselves.
func (t *todayBalancer) stayConnected() {
	if !t.cc.idle.Swap(false) {
		return
	}
	if p, ok := t.policy.(interface{ ExitIdle() }); ok {
		p.ExitIdle()
	}
}

func (t *todayBalancer) Close() { t.policy.Close() }

// todayClientConn is the old ClientConn of a parent, as a policy of today's sees it.
type todayClientConn struct {
	balancer.ClientConn // what the old one does not have
	old                 ClientConn
	idle                atomic.Bool // the policy is

	mu       sync.Mutex // guards what follows
	subConns map[SubConn]*todaySubConn
}

// todaySubConn is what the policy is given for a SubConn of its parent's.
type todaySubConn struct {
	SubConn
	old      ClientConn
	listener func(SubConnState)
	state    connectivity.State
}

func (c *todaySubConn) Shutdown() { c.old.RemoveSubConn(c.SubConn) }

func (cc *todayClientConn) NewSubConn(addrs []resolver.Address, opts NewSubConnOptions) (SubConn, error) {
	c := &todaySubConn{old: cc.old, listener: opts.StateListener}
	opts.StateListener = nil // the parent is told, and tells UpdateSubConnState
	var err error
	if c.SubConn, err = cc.old.NewSubConn(addrs, opts); err != nil {
		return nil, err
	}
	cc.mu.Lock()
	defer cc.mu.Unlock()
	cc.subConns[c.SubConn] = c
	return c, nil
}

func (cc *todayClientConn) find(sc SubConn, forget bool) *todaySubConn {
	cc.mu.Lock()
	defer cc.mu.Unlock()
	c := cc.subConns[sc]
	if forget {
		delete(cc.subConns, sc)
	}
	return c
}

func (cc *todayClientConn) RemoveSubConn(sc SubConn) { sc.Shutdown() }

func (cc *todayClientConn) UpdateAddresses(sc SubConn, addrs []resolver.Address) {
	sc.UpdateAddresses(addrs)
}

func (cc *todayClientConn) UpdateState(s State) {
	if s.ConnectivityState == connectivity.Idle {
		cc.idle.Store(true)
		s.ConnectivityState = connectivity.Connecting
	}
	if s.Picker != nil {
		s.Picker = todayPicker{s.Picker}
	}
	cc.old.UpdateState(s)
}

func (cc *todayClientConn) ResolveNow(o resolver.ResolveNowOptions) { cc.old.ResolveNow(o) }

func (cc *todayClientConn) Target() string { return cc.old.Target() }

// todayPicker is a picker of today's that old code may ask: an error that is no status
// says that it is a transient failure.
type todayPicker struct{ today V2Picker }

func (p todayPicker) Pick(info PickInfo) (PickResult, error) {
	result, err := p.today.Pick(info)
	if sc, ok := result.SubConn.(*todaySubConn); ok {
		result.SubConn = sc.SubConn
	}
	if err == nil || err == ErrNoSubConnAvailable {
		return result, err
	}
	if s, ok := status.FromError(err); ok {
		return result, s.Err()
	}
	return result, TransientFailureError(err)
}
