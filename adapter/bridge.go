package adapter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
)

// bridge is the resolver half of WithBalancer: it runs a v1 Balancer from Start
// to Close for one life of a ClientConn (from Dial, or from the end of idleness,
// until Close or the next idleness) and turns what Notify delivers into
// resolver.States. The other half is the policy.
type bridge struct {
	option   *balancerOption
	balancer Balancer
	target   string
	config   BalancerConfig
	cc       resolver.ClientConn
	lbConfig *serviceconfig.ParseResult // nil if the user's default names the policy
	again    bool                       // the Balancer has been closed before

	sent *addressList // of the newest State; keeps it for the next ClientConn

	states mailbox[report] // put by the goroutine that starts and follows the Balancer, or by the feed
	ctx    context.Context
	cancel context.CancelFunc
	closed chan struct{} // when Balancer.Close has returned

	closing atomic.Bool // is changed with mu held; picks read it without

	mu       sync.Mutex // guards what follows
	starting bool
	begun    bool                  // there is something for Balancer.Close to end
	downs    map[*conn]func(error) // what Up returned, for those that are up
	calls    sync.WaitGroup        // see call; no Add once closing

	closeOnce sync.Once
}

// report is what there is to be told of a Balancer.
type report struct {
	addresses []Address
	feed      *feed // has the addresses, if the Balancer is a RoundRobin
	err       error // why there are none
}

// v1State is what the bridge tells the policy, as an attribute of the State.
type v1State struct {
	bridge *bridge
	list   *addressList
	feed   *feed
	err    error
}

// Equal lets attributes.Attributes compare values that hold a slice.
func (s *v1State) Equal(o any) bool { return s == o }

type v1StateKey struct{}

func newBridge(o *balancerOption, target string, cc resolver.ClientConn, opts resolver.BuildOptions) *bridge {
	b := &bridge{
		option:   o,
		balancer: o.balancer,
		target:   target,
		config:   balancerConfig(opts),
		cc:       cc,
		states:   newMailbox[report](),
		closed:   make(chan struct{}),
		downs:    make(map[*conn]func(error)),
	}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	return b
}

func balancerConfig(opts resolver.BuildOptions) BalancerConfig {
	c := BalancerConfig{Dialer: opts.Dialer}
	// v1.29.1 knew no "insecure" credentials: WithInsecure meant none.
	if opts.DialCreds != nil && opts.DialCreds.Info().SecurityProtocol != "insecure" {
		c.DialCreds = opts.DialCreds.Clone()
	}
	if c.Dialer == nil {
		c.Dialer = func(ctx context.Context, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}
	}
	return c
}

// follow reads Notify's channel until Balancer.Close has returned. It reads at
// once and keeps the newest list: an Up that waits for room in the channel must
// not have to wait for grpc, which waits for that Up. A RoundRobin has no need of
// that: it has a feed.
func (b *bridge) follow() {
	if _, ok := b.balancer.(*roundRobin); ok {
		return
	}
	var lists <-chan []Address
	err := b.call("Notify", func() error {
		lists = b.balancer.Notify()
		return nil
	})
	if err != nil {
		b.states.put(report{err: err})
		return
	}
	if lists == nil {
		b.states.put(report{addresses: []Address{{Addr: b.target}}})
		return
	}
	go func() {
		var named bool
		var late <-chan time.Time
		if b.again {
			t := time.NewTimer(wakeTime)
			defer t.Stop()
			late = t.C
		}
		for {
			select {
			case list, ok := <-lists:
				switch {
				case ok:
					b.states.put(report{addresses: slices.Clone(list)})
				case late != nil:
					b.states.put(report{err: b.explain(errors.New("the balancer closed its channel of addresses"))})
				case !named:
					b.states.put(report{}) // RPCs need not wait, and Get says why
				}
				if !ok {
					return // the last addresses stay, as in v1.29.1
				}
				late, named = nil, true
			case <-late:
				b.states.put(report{err: b.explain(fmt.Errorf("the balancer has named no addresses for %v", wakeTime))})
			case <-b.closed:
				return
			}
		}
	}()
}

// send hands the newest state to grpc, one at a time. What is newest is decided
// when grpc can take it.
func (b *bridge) send() {
	for {
		select {
		case s := <-b.states:
			newest := snapshot{log: s.addresses, n: len(s.addresses)}
			if s.feed != nil {
				var ok bool
				if newest, ok = s.feed.fetch(&s.feed.bridgeTold); !ok {
					continue
				}
			}
			b.sent = addressLists.get(newest)
			_ = b.cc.UpdateState(b.state(v1State{b, b.sent, s.feed, s.err})) // policy never returns an error
		case <-b.ctx.Done():
			return
		}
	}
}

// state is s for grpc.
func (b *bridge) state(s v1State) resolver.State {
	return resolver.State{
		Addresses: s.list.dialled,
		// The policy has no use for endpoints, and without these grpc makes one
		// of each address, which costs it as much as all the rest.
		Endpoints:     []resolver.Endpoint{},
		ServiceConfig: b.lbConfig,
		Attributes:    attributes.New(v1StateKey{}, &s),
	}
}

// ResolveNow does nothing: naming watchers deliver on their own.
func (b *bridge) ResolveNow(resolver.ResolveNowOptions) {}

// balancerOption is what the resolver builders of one WithBalancer share.
type balancerOption struct {
	balancer      Balancer
	defaultConfig bool        // the LB policy comes from a default service config
	closed        atomic.Bool // the balancer has been closed once
	latest        atomic.Pointer[bridge]
}
