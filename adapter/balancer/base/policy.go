package base

import (
	"errors"
	"fmt"
	"reflect"

	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
	"github.com/grpcnaming/grpcnaming/internal/contain"
)

// builder has one of old and v2.
type builder struct {
	name   string
	old    PickerBuilder
	v2     V2PickerBuilder
	config Config
}

func (b *builder) Name() string { return b.name }

func (b *builder) Build(cc balancer.ClientConn, _ balancer.BuildOptions) balancer.Balancer {
	p := &policy{
		builder:  b,
		cc:       cc,
		subConns: make(map[resolver.Address]balancer.SubConn),
		states:   make(map[balancer.SubConn]connectivity.State),
	}
	p.use(NewErrPicker(balancer.ErrNoSubConnAvailable), NewErrPickerV2(balancer.ErrNoSubConnAvailable))
	return p
}

// policy has a SubConn for each address. Its methods are called one at a time.
type policy struct {
	*builder
	cc       balancer.ClientConn
	subConns map[resolver.Address]balancer.SubConn
	states   map[balancer.SubConn]connectivity.State // also of those removed, until they are shut down
	all      balancer.ConnectivityStateEvaluator
	state    connectivity.State
	send     func() // gives the ClientConn the state and the newest picker

	resolverErr error // of the latest look-up, if that failed
	connErr     error // of the latest SubConn that could not connect
}

func (p *policy) UpdateClientConnState(s balancer.ClientConnState) error {
	p.resolverErr = nil
	named := make(map[resolver.Address]bool)
	for _, a := range s.ResolverState.Addresses {
		if a.Metadata != nil && !reflect.ValueOf(a.Metadata).Comparable() {
			contain.Logger.Errorf("LB policy %q: no connection to %q: its Metadata is a %T, which cannot be the key of a map",
				p.name, a.Addr, a.Metadata)
			continue
		}
		named[a] = true
		if p.subConns[a] == nil {
			p.connect(a)
		}
	}
	for a, sc := range p.subConns {
		if !named[a] {
			p.cc.RemoveSubConn(sc)
			delete(p.subConns, a)
		}
	}
	if len(s.ResolverState.Addresses) == 0 {
		p.ResolverError(errors.New("produced zero addresses"))
		return balancer.ErrBadResolverState
	}
	return nil
}

func (p *policy) connect(a resolver.Address) {
	sc, err := p.cc.NewSubConn([]resolver.Address{a}, balancer.NewSubConnOptions{HealthCheckEnabled: p.config.HealthCheck})
	if err != nil { // the ClientConn is closing
		contain.Logger.Infof("LB policy %q: no connection to %q: %v", p.name, a.Addr, err)
		return
	}
	p.subConns[a] = sc
	p.states[sc] = connectivity.Idle
	sc.Connect()
}

// ResolverError is of no consequence as long as there are connections.
func (p *policy) ResolverError(err error) {
	p.resolverErr = err
	if len(p.subConns) == 0 {
		p.state = connectivity.TransientFailure
	}
	if p.state == connectivity.TransientFailure {
		p.renew()
		p.send()
	}
}

func (p *policy) UpdateSubConnState(sc balancer.SubConn, s balancer.SubConnState) {
	was, ok := p.states[sc]
	is := s.ConnectivityState
	// A SubConn that has failed has failed until it is ready: of many that all fail,
	// one would always be connecting.
	if !ok || was == connectivity.TransientFailure && is == connectivity.Connecting {
		return
	}
	p.states[sc] = is
	switch is {
	case connectivity.Idle:
		sc.Connect()
	case connectivity.Shutdown:
		delete(p.states, sc)
	case connectivity.TransientFailure:
		p.connErr = s.ConnectionError
	}
	p.state = p.all.RecordTransition(was, is)
	if (is == connectivity.Ready) != (was == connectivity.Ready) || p.state == connectivity.TransientFailure {
		p.renew()
	}
	p.send()
}

// HandleResolvedAddrs is for who calls a Balancer by hand; grpc calls
// UpdateClientConnState.
func (p *policy) HandleResolvedAddrs(addrs []resolver.Address, err error) {
	if err != nil {
		p.ResolverError(err)
		return
	}
	_ = p.UpdateClientConnState(balancer.ClientConnState{ResolverState: resolver.State{Addresses: addrs}})
}

// HandleSubConnStateChange is for who calls a Balancer by hand.
func (p *policy) HandleSubConnStateChange(sc balancer.SubConn, s connectivity.State) {
	p.UpdateSubConnState(sc, balancer.SubConnState{ConnectivityState: s})
}

// Close leaves the SubConns to the ClientConn.
func (p *policy) Close() {}

// renew makes the picker of p.state and of what is ready.
func (p *policy) renew() {
	switch {
	case p.state == connectivity.TransientFailure:
		p.use(NewErrPicker(balancer.ErrTransientFailure), NewErrPickerV2(balancer.TransientFailureError(p.reason())))
	case p.old != nil:
		ready := make(map[resolver.Address]balancer.SubConn)
		for a, sc := range p.subConns {
			if p.states[sc] == connectivity.Ready {
				ready[a] = sc
			}
		}
		p.use(p.old.Build(ready), nil)
	default:
		info := PickerBuildInfo{ReadySCs: make(map[balancer.SubConn]SubConnInfo)}
		for a, sc := range p.subConns {
			if p.states[sc] == connectivity.Ready {
				info.ReadySCs[sc] = SubConnInfo{Address: a}
			}
		}
		p.use(nil, p.v2.Build(info))
	}
}

// use makes one of the pickers the newest.
func (p *policy) use(old balancer.Picker, v2 balancer.V2Picker) {
	if p.old != nil {
		p.send = func() { p.cc.UpdateBalancerState(p.state, old) }
		return
	}
	p.send = func() { p.cc.UpdateState(balancer.State{ConnectivityState: p.state, Picker: v2}) }
}

// reason says why there is no connection.
func (p *policy) reason() error {
	switch {
	case p.connErr == nil:
		return fmt.Errorf("last resolver error: %v", p.resolverErr)
	case p.resolverErr == nil:
		return fmt.Errorf("last connection error: %v", p.connErr)
	}
	return fmt.Errorf("last connection error: %v; last resolver error: %v", p.connErr, p.resolverErr)
}
