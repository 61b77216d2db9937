package adapter

// Today's resolver for a v1 Balancer. A watcher owns the resolver, and one goroutine
// that calls it. The resolver's own goroutines bring addresses, Next takes them:
// modernWatcher.mu guards what they share.

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/contain"
	"github.com/grpcnaming/grpcnaming/naming"
)

// resolveEvery is how often a resolver under FromBuilder is asked to resolve
// again. Resolvers such as "dns" do so only when asked. Grpc asks when a connection
// breaks; a v1 Balancer cannot ask. "dns" looks up no more often than this.
const resolveEvery = 30 * time.Second

// FromBuilder is the opposite of [NewBuilder]: it returns a naming.Resolver that
// resolves with a modern resolver, one of grpc's own such as resolver.Get("dns")
// or a vendor's, so that a legacy Balancer can sit on it.
//
// Resolve builds the resolver for "scheme:///target", or for target itself if
// that begins with "scheme://". Next returns deletes before adds. An error that
// the resolver reports is logged and, through [ErrorReporter], shown by RPCs
// without an address; only Close makes Next fail. Close closes the resolver. One
// goroutine runs per watcher, until Close.
//
// Lost on the way: the service config; which addresses make up an endpoint; the
// attributes of the State, and those of an address but for the Metadata that
// NewBuilder gave it; and an address's ServerName.
func FromBuilder(b resolver.Builder) naming.Resolver { return &modernResolver{builder: b} }

type modernResolver struct{ builder resolver.Builder }

var errNilBuilder = errors.New("adapter: FromBuilder was given a nil resolver.Builder; resolver.Get returns nil for a scheme that nobody registered")

func (r *modernResolver) Resolve(target string) (naming.Watcher, error) {
	if r.builder == nil {
		return nil, errNilBuilder
	}
	t, err := modernTarget(r.builder.Scheme(), target)
	if err != nil {
		return nil, err
	}
	w := &modernWatcher{target: t, changed: make(chan struct{}, 1), done: make(chan struct{}), onError: func(error) {}}
	w.ctx, w.cancel = context.WithCancel(context.Background())
	// The resolver may call back before Build returns.
	w.resolver, err = r.builder.Build(t, w, resolver.BuildOptions{DisableServiceConfig: true, Authority: t.Endpoint()})
	if err != nil {
		w.cancel()
		return nil, fmt.Errorf("building the %q resolver for target %q: %w", r.builder.Scheme(), target, err)
	}
	go w.run()
	return w, nil
}

// modernTarget is the inverse of endpoint.Of.
func modernTarget(scheme, target string) (resolver.Target, error) {
	if !strings.HasPrefix(target, scheme+"://") {
		target = scheme + ":///" + target
	}
	u, err := url.Parse(target)
	if err != nil {
		return resolver.Target{}, fmt.Errorf("adapter: target for the %q resolver: %w", scheme, err)
	}
	return resolver.Target{URL: *u}, nil
}

// modernWatcher is the ClientConn of a modern resolver, and a naming.Watcher.
type modernWatcher struct {
	target   resolver.Target
	resolver resolver.Resolver
	ctx      context.Context
	cancel   context.CancelFunc
	done     chan struct{} // closed when the resolver is

	// These belong to the goroutine that calls Next.
	known    addrset.Set
	answered bool
	failing  bool
	onError  func(error)

	mu       sync.Mutex // guards what follows
	resolved bool
	latest   []addrset.Address
	err      error         // reported since Next looked
	changed  chan struct{} // see signal
}

// UpdateState takes the addresses. Without any it returns an error, as grpc does, so
// that the resolver tries again soon.
func (w *modernWatcher) UpdateState(s resolver.State) error {
	var list []addrset.Address
	if s.Endpoints != nil {
		for _, e := range s.Endpoints {
			for _, a := range e.Addresses {
				list = append(list, legacyAddress(a))
			}
		}
	} else {
		for _, a := range s.Addresses {
			list = append(list, legacyAddress(a))
		}
	}
	w.tell(func() { w.resolved, w.latest, w.err = true, list, nil })
	if len(list) == 0 {
		return balancer.ErrBadResolverState
	}
	return nil
}

// legacyAddress is the inverse of modernAddress.
func legacyAddress(a resolver.Address) addrset.Address {
	return addrset.Address{Addr: a.Addr, Metadata: Metadata(a)}
}

func (w *modernWatcher) ReportError(err error) {
	w.tell(func() { w.err = err })
}

func (w *modernWatcher) tell(f func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f()
	signal(w.changed)
}

// NewAddress is what resolvers called before UpdateState.
func (w *modernWatcher) NewAddress(addrs []resolver.Address) {
	_ = w.UpdateState(resolver.State{Addresses: addrs})
}

// ParseServiceConfig fails: nobody here uses a service config.
func (w *modernWatcher) ParseServiceConfig(string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{Err: errors.New("adapter: a v1 balancer has no service config")}
}

// OnError implements ErrorReporter.
func (w *modernWatcher) OnError(f func(error)) { w.onError = f }

// FirstNextIsFull implements FullLister.
func (w *modernWatcher) FirstNextIsFull() bool { return true }

func (w *modernWatcher) Next() ([]*naming.Update, error) {
	for {
		select {
		case <-w.changed:
		case <-w.ctx.Done():
			return nil, errWatcherClosed
		}
		if w.ctx.Err() != nil {
			return nil, errWatcherClosed
		}
		w.mu.Lock()
		resolved, latest, err := w.resolved, w.latest, w.err
		w.err = nil
		w.mu.Unlock()
		if err != nil {
			contain.Logger.Warningf("target %q: %v", w.target.URL.Redacted(), err)
			w.onError(err)
		} else if w.failing {
			w.onError(nil)
		}
		w.failing = err != nil
		if !resolved {
			continue
		}
		updates := w.known.Become(latest)
		first := !w.answered
		w.answered = true
		if first || len(updates) > 0 {
			return updates, nil
		}
	}
}

var errWatcherClosed = errors.New("adapter: the watcher is closed")

// run calls ResolveNow now and then, and Close at the end. It is one goroutine because
// resolvers do not expect to be called by two at a time.
func (w *modernWatcher) run() {
	defer close(w.done)
	defer w.resolver.Close()
	t := time.NewTicker(resolveEvery)
	defer t.Stop()
	for {
		select {
		case <-t.C:
			w.resolver.ResolveNow(resolver.ResolveNowOptions{})
		case <-w.ctx.Done():
			return
		}
	}
}

// Close closes the resolver and waits for that. It may be called more than once.
func (w *modernWatcher) Close() {
	w.cancel()
	<-w.done
}
