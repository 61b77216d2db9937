package adapter

// A naming.Resolver for today's LB policies. One goroutine per ClientConn reads the
// watch (internal/follow), which has the lock, and tells grpc.

import (
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/attributes"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/internal/addrset"
	"github.com/grpcnaming/grpcnaming/internal/contain"
	"github.com/grpcnaming/grpcnaming/internal/endpoint"
	"github.com/grpcnaming/grpcnaming/internal/follow"
	"github.com/grpcnaming/grpcnaming/naming"
)

// closeTime is how long closing a ClientConn waits for the Close of a watcher or a
// Balancer. One that takes longer goes on in the background.
const closeTime = time.Second

// NewBuilder returns a resolver.Builder for targets of the given scheme that
// resolves them with r. Give it to grpc.WithResolvers, or, with a scheme in
// lower case, to resolver.Register. Any LB policy and service config may be used
// with it; [Metadata] reads an update's Metadata from a resolver.Address.
//
// r.Resolve is called with everything behind "scheme://authority/" byte for
// byte. If it fails, or the watcher does, Resolve is called again, with backoff, and
// RPCs fail with the reason while no address is known. Two goroutines run per
// ClientConn. They end when it is closed or goes idle; the one that calls Next ends
// when Next returns.
//
// When a ClientConn goes idle its watcher is closed, and r resolved again when it
// wakes up. If r can only be resolved once, dial with grpc.WithIdleTimeout(0).
//
// Lost on the way: addresses that differ only in Metadata are merged by
// policies that look at endpoints, such as "round_robin".
func NewBuilder(scheme string, r naming.Resolver) resolver.Builder {
	return &namingBuilder{scheme: strings.ToLower(scheme), resolver: r}
}

type namingBuilder struct {
	scheme   string
	resolver naming.Resolver
}

func (b *namingBuilder) Scheme() string { return b.scheme }

func (b *namingBuilder) Build(target resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	if b.resolver == nil {
		return nil, fmt.Errorf("scheme %q: %w", b.scheme, follow.ErrNoResolver)
	}
	r := &namingResolver{cc: cc, changed: make(chan struct{}, 1)}
	r.watch = follow.New(b.resolver, endpoint.Of(target), &follow.Calls{}, addrset.Set{}, func() { signal(r.changed) })
	go r.send()
	go func() { r.watch.Run(r.watch.Resolve()) }()
	return r, nil
}

// namingResolver feeds the addresses of a naming.Resolver into a ClientConn.
type namingResolver struct {
	cc      resolver.ClientConn
	watch   *follow.Watch
	changed chan struct{} // see signal
}

// send tells grpc what is known, one State at a time; changes that come
// meanwhile end up in the next one.
func (r *namingResolver) send() {
	for {
		select {
		case <-r.changed:
		case <-r.watch.Done():
			return
		}
		known, err := follow.Known[addrset.Address](r.watch)
		if err != nil {
			r.cc.ReportError(err)
			continue
		}
		addrs := make([]resolver.Address, len(known))
		for i, a := range known {
			addrs[i] = modernAddress(a)
		}
		// An error would ask for another try soon: a watcher cannot be asked.
		_ = r.cc.UpdateState(resolver.State{Addresses: addrs})
	}
}

// ResolveNow does nothing: naming watchers deliver on their own.
func (r *namingResolver) ResolveNow(resolver.ResolveNowOptions) {}

// Close closes the watcher.
func (r *namingResolver) Close() {
	contain.Within(closeTime, "closing the watcher", func() {
		r.watch.Stop()
		r.watch.Close()
	})
}

type metadataKey struct{}

// metadata has an Equal for attributes.Attributes: == would panic on a map.
type metadata struct{ value interface{} }

func (m metadata) Equal(o any) bool {
	other, ok := o.(metadata)
	return ok && addrset.Same(m.value, other.value)
}

// modernAddress keeps Metadata in Attributes, and not in BalancerAttributes: another
// Metadata is another address, as it was in v1.
func modernAddress(a addrset.Address) resolver.Address {
	ra := resolver.Address{Addr: a.Addr}
	if a.Metadata != nil {
		ra.Attributes = attributes.New(metadataKey{}, metadata{a.Metadata})
	}
	return ra
}

// Metadata returns the Metadata of the naming.Update that a came from, or nil
// if it had none or a is not from a [NewBuilder] resolver. LB policies find a in
// resolver.State, resolver.Endpoint and base.SubConnInfo.
func Metadata(a resolver.Address) interface{} {
	m, _ := a.Attributes.Value(metadataKey{}).(metadata)
	return m.value
}
