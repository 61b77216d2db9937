package bench

import (
	"context"
	"net"
	"strconv"
	"sync"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/resolver"
)

// queryBuilder is what one writes by hand today: a blocking query, its answer into
// UpdateState, again; no limits, no errors, nothing more. All ClientConns that it
// is given to share the query.
type queryBuilder struct {
	consul, service string

	mu    sync.Mutex // guards what follows
	stop  context.CancelFunc
	conns map[resolver.ClientConn]bool
	last  *resolver.State
}

func newQueryBuilder(consul, service string) *queryBuilder {
	return &queryBuilder{consul: consul, service: service, conns: make(map[resolver.ClientConn]bool)}
}

func (b *queryBuilder) Scheme() string { return "query" }

func (b *queryBuilder) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.conns[cc] = true
	if b.last != nil {
		_ = cc.UpdateState(*b.last)
	}
	if b.stop == nil {
		client, err := api.NewClient(&api.Config{Address: b.consul})
		if err != nil {
			return nil, err
		}
		ctx, cancel := context.WithCancel(context.Background())
		b.stop = cancel
		go b.query(ctx, client)
	}
	return queried{b, cc}, nil
}

func (b *queryBuilder) query(ctx context.Context, client *api.Client) {
	var index uint64
	for ctx.Err() == nil {
		q := (&api.QueryOptions{WaitIndex: index}).WithContext(ctx)
		entries, meta, err := client.Health().Service(b.service, "", true, q)
		if err != nil {
			continue
		}
		index = meta.LastIndex
		state := resolver.State{Addresses: make([]resolver.Address, len(entries))}
		for i, e := range entries {
			state.Addresses[i].Addr = net.JoinHostPort(e.Service.Address, strconv.Itoa(e.Service.Port))
		}
		b.mu.Lock()
		b.last = &state
		for cc := range b.conns {
			_ = cc.UpdateState(state)
		}
		b.mu.Unlock()
	}
}

// queried is the share of one ClientConn. The last one ends the query.
type queried struct {
	b  *queryBuilder
	cc resolver.ClientConn
}

func (q queried) ResolveNow(resolver.ResolveNowOptions) {}

func (q queried) Close() {
	q.b.mu.Lock()
	defer q.b.mu.Unlock()
	delete(q.b.conns, q.cc)
	if len(q.b.conns) == 0 && q.b.stop != nil {
		q.b.stop()
		q.b.stop = nil
	}
}
