package adapter

// The resolver half of WithBalancer. It owns the life of a Balancer: the goroutine
// run calls Start, Notify and Close, follow reads Notify's channel, and send tells
// grpc. The policy calls up and down. bridge.mu guards what Up has returned, and that
// the Balancer is being closed.

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
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/contain"
	"github.com/grpcnaming/grpcnaming/internal/follow"
)

const (
	// startTime is how long Dial waits for Balancer.Start, which v1.29.1 called
	// while Dial waited however long it took. A Start that takes longer goes
	// on, and RPCs wait for it within their deadlines.
	startTime = 10 * time.Second

	// wakeTime is how long a Balancer that was started again has for its first
	// list before RPCs are told that it may be unable to start twice.
	wakeTime = 5 * time.Second
)

var errConnClosing = errors.New("grpc: the connection is closing")

// bridge runs a v1 Balancer from Start to Close for one life of a ClientConn (from
// Dial, or from the end of idleness, until Close or the next idleness) and turns
// what Notify delivers into resolver.States. Its goroutines end with Close.
type bridge struct {
	option   *balancerOption
	balancer Balancer // changed by run alone, before the first State
	target   string
	config   BalancerConfig
	cc       resolver.ClientConn
	lbConfig *serviceconfig.ParseResult // nil if the user's default names the policy
	again    bool                       // the Balancer has been closed before

	states mailbox[*v1State] // put by run, and then by follow
	ctx    context.Context
	cancel context.CancelFunc
	closed chan struct{} // when run has ended, and so the Balancer

	closing atomic.Bool // is changed with mu held; picks read it without

	mu    sync.Mutex            // guards what follows
	downs map[*conn]func(error) // what Up returned, for those that are up; nil after allDown
	calls sync.WaitGroup        // of Up and down; no Add once closing
}

// balancerOption is what the resolver builders of one WithBalancer share.
type balancerOption struct {
	balancer      Balancer
	defaultConfig bool        // the LB policy comes from a default service config
	closed        atomic.Bool // the balancer has been closed once
	latest        atomic.Pointer[bridge]
}

// v1State is what the bridge tells the policy, as an attribute of the State.
type v1State struct {
	bridge    *bridge
	addresses []Address
	err       error // why there are none
}

type v1StateKey struct{}

func newBridge(o *balancerOption, target string, cc resolver.ClientConn, opts resolver.BuildOptions) *bridge {
	b := &bridge{
		option:   o,
		balancer: o.balancer,
		target:   target,
		config:   balancerConfig(opts),
		cc:       cc,
		states:   newMailbox[*v1State](),
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

// open starts the Balancer while the caller, and thereby Dial, waits.
func (b *bridge) open() {
	go b.send()
	former := b.option.latest.Swap(b)
	b.again = b.option.closed.Load()
	tried := make(chan struct{})
	go b.run(former, sync.OnceFunc(func() { close(tried) }))
	if b.again {
		return // no Dial waits here but an RPC, which has a deadline
	}
	select {
	case <-tried:
	case <-time.After(startTime):
		contain.Logger.Warningf("target %q: %T.Start has not returned after %v; it goes on in the background", b.target, b.option.balancer, startTime)
	}
}

// run starts the Balancer, again and again if need be, starts follow, and closes the
// Balancer in the end, also one whose Start failed, as in v1.29.1. It calls tried
// after the first attempt.
func (b *bridge) run(former *bridge, tried func()) {
	defer close(b.closed)
	if former != nil && former.closing.Load() {
		<-former.closed // its late calls would reach this life, or the next
	}
	backOff := follow.NewBackOff()
	begun := false
	for b.ctx.Err() == nil {
		mine, err := b.start()
		begun = begun || mine
		if b.ctx.Err() != nil {
			break
		}
		if err == nil {
			b.notify()
			tried()
			<-b.ctx.Done()
			break
		}
		err = fmt.Errorf("starting the balancer for target %q: %w", b.target, b.explain(err))
		b.tell(nil, err)
		tried()
		delay := backOff.Next()
		contain.Logger.Warningf("%v; trying again in %v", err, delay)
		follow.Sleep(b.ctx, delay)
	}
	tried()
	contain.Within(closeTime/2, "", b.calls.Wait) // so that none seems to come after Close
	b.allDown()
	if !begun {
		return
	}
	b.option.closed.Store(true)
	if err := contain.Call(b.balancer, "Close", b.balancer.Close); err != nil {
		contain.Logger.Warningf("target %q: closing the balancer: %v", b.target, err)
	}
}

// start calls Balancer.Start once, and says whether there is something to close
// now. One DialOption could serve several Dials in v1.29.1. So a RoundRobin that works
// for another ClientConn already is replaced by a new one for this ClientConn.
func (b *bridge) start() (mine bool, err error) {
	rr, ok := b.balancer.(*roundRobin)
	if !ok { // a Start that fails may leave something behind
		return true, contain.Call(b.balancer, "Start", func() error { return b.balancer.Start(b.target, b.config) })
	}
	err = rr.begin(b.target, false)
	if err == errStarted {
		b.balancer = RoundRobin(rr.resolver)
		err = b.balancer.Start(b.target, b.config)
	}
	return err == nil, err
}

// notify asks the Balancer for its channel once, and starts follow.
func (b *bridge) notify() {
	var lists <-chan []Address
	err := contain.Call(b.balancer, "Notify", func() error {
		lists = b.balancer.Notify()
		return nil
	})
	switch {
	case err != nil:
		b.tell(nil, err)
	case lists == nil:
		b.tell([]Address{{Addr: b.target}}, nil)
	default:
		go b.follow(lists)
	}
}

// follow reads Notify's channel until Balancer.Close has returned. It reads at
// once and keeps the newest list: an Up that waits for room in the channel must
// not have to wait for grpc, which waits for that Up.
func (b *bridge) follow(lists <-chan []Address) {
	var named bool
	var late <-chan time.Time
	if b.suspect() {
		t := time.NewTimer(wakeTime)
		defer t.Stop()
		late = t.C
	}
	for {
		select {
		case list, ok := <-lists:
			switch {
			case ok:
				if _, ours := b.balancer.(*roundRobin); !ours {
					list = slices.Clone(list) // a Balancer may change what it has sent
				}
				b.tell(list, nil)
			case late != nil:
				b.tell(nil, b.explain(errors.New("the balancer closed its channel of addresses")))
			case !named:
				b.tell(nil, nil) // RPCs need not wait, and Get says why
			}
			if !ok {
				return // the last addresses stay, as in v1.29.1
			}
			late, named = nil, true
		case <-late:
			b.tell(nil, b.explain(fmt.Errorf("the balancer has named no addresses for %v", wakeTime)))
		case <-b.closed:
			return
		}
	}
}

func (b *bridge) tell(list []Address, err error) { b.states.put(&v1State{b, list, err}) }

// send hands the newest state to grpc, one at a time.
func (b *bridge) send() {
	for {
		select {
		case s := <-b.states:
			_ = b.cc.UpdateState(b.state(s)) // policy never returns an error
		case <-b.ctx.Done():
			return
		}
	}
}

// state is s for grpc: one resolver address per v1 address, in the same order.
// On the way to the policy grpc may replace each by the address of a proxy, which
// keeps nothing but the order.
func (b *bridge) state(s *v1State) resolver.State {
	dialled := make([]resolver.Address, len(s.addresses))
	for i, a := range s.addresses {
		dialled[i] = resolver.Address{Addr: a.Addr}
	}
	return resolver.State{
		Addresses: dialled,
		// The policy has no use for endpoints. Where there are none grpc makes one of
		// each address.
		Endpoints:     []resolver.Endpoint{},
		ServiceConfig: b.lbConfig,
		Attributes:    attributes.New(v1StateKey{}, s),
	}
}

// ResolveNow does nothing: naming watchers deliver on their own.
func (b *bridge) ResolveNow(resolver.ResolveNowOptions) {}

// suspect says whether the Balancer may be unable to start again. Channels never went
// idle in v1.29.1, so that a Balancer had to start only once.
func (b *bridge) suspect() bool {
	_, ok := b.balancer.(*roundRobin)
	return b.again && !ok
}

// explain adds to an error of a Balancer that has been closed before what to do.
func (b *bridge) explain(err error) error {
	if !b.suspect() {
		return err
	}
	return fmt.Errorf("%w (this %T was closed before, by a ClientConn that went idle or was closed; "+
		"if it cannot start twice, dial with grpc.WithIdleTimeout(0))", err, b.balancer)
}

// explainGet does the same for an error of Get that says nothing about
// addresses, as Get of a Balancer that stays closed does.
func (b *bridge) explainGet(err error) error {
	if s, ok := status.FromError(err); ok && s.Code() != codes.Canceled {
		return err
	}
	return b.explain(err)
}

// up tells the Balancer that c is connected, unless it is being closed.
func (b *bridge) up(c *conn) {
	b.mu.Lock()
	if b.closing.Load() {
		b.mu.Unlock()
		return
	}
	b.calls.Add(1)
	b.mu.Unlock()
	defer b.calls.Done()
	_ = contain.Call(b.balancer, "Up", func() error {
		down := b.balancer.Up(c.v1)
		b.mu.Lock()
		defer b.mu.Unlock()
		if down != nil && b.downs != nil { // nil if Up took long
			b.downs[c] = down
		}
		return nil
	})
}

// down tells it that c is not connected any more, unless allDown will.
func (b *bridge) down(c *conn) {
	b.mu.Lock()
	down := b.downs[c]
	if down == nil || b.closing.Load() {
		b.mu.Unlock()
		return
	}
	delete(b.downs, c)
	b.calls.Add(1)
	b.mu.Unlock()
	defer b.calls.Done()
	b.sayDown(down)
}

// allDown calls what every Up has returned. A Balancer that is started again must not
// choose among the connections of its life before. In v1.29.1 there was no such life.
func (b *bridge) allDown() {
	b.mu.Lock()
	downs := b.downs
	b.downs = nil
	b.mu.Unlock()
	for _, down := range downs {
		b.sayDown(down)
	}
}

func (b *bridge) sayDown(down func(error)) {
	_ = contain.Call(b.balancer, "Up's function", func() error { down(errConnClosing); return nil })
}

// Close closes the Balancer, and thereby its watcher, and waits for it up to
// closeTime. If Start is running, Balancer.Close follows it.
func (b *bridge) Close() {
	b.mu.Lock()
	b.closing.Store(true)
	b.mu.Unlock()
	b.cancel()
	contain.Within(closeTime, fmt.Sprintf("target %q: closing the %T", b.target, b.option.balancer), func() { <-b.closed })
}
