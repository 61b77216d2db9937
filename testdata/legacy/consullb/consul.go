// Package consullb finds the addresses of a service in Consul.
package consullb

import (
	"fmt"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/naming"
)

type resolver struct {
	address, service string
}

// NewConsulResolver returns a naming.Resolver for a service that the Consul
// agent at address knows.
func NewConsulResolver(address, service string) naming.Resolver {
	return &resolver{address, service}
}

// Resolve implements naming.Resolver of google.golang.org/grpc/naming.
func (r *resolver) Resolve(target string) (naming.Watcher, error) {
	config := api.DefaultConfig()
	config.Address = r.address
	client, err := api.NewClient(config)
	if err != nil {
		return nil, fmt.Errorf("consul at %s: %v", r.address, err)
	}
	return &watcher{client: client, service: r.service, known: map[string]bool{}, done: make(chan struct{})}, nil
}

type watcher struct {
	client  *api.Client
	service string
	index   uint64
	known   map[string]bool
	done    chan struct{}
}

func (w *watcher) Close() { close(w.done) }

func (w *watcher) Next() ([]*naming.Update, error) {
	for {
		select {
		case <-w.done:
			return nil, fmt.Errorf("watcher of %s is closed", w.service)
		default:
		}
		entries, meta, err := w.client.Health().Service(w.service, "", true, &api.QueryOptions{WaitIndex: w.index})
		if err != nil {
			return nil, err
		}
		w.index = meta.LastIndex
		now := map[string]bool{}
		for _, e := range entries {
			now[fmt.Sprintf("%s:%d", e.Service.Address, e.Service.Port)] = true
		}
		var updates []*naming.Update
		for addr := range w.known {
			if !now[addr] {
				updates = append(updates, &naming.Update{Op: naming.Delete, Addr: addr})
			}
		}
		for addr := range now {
			if !w.known[addr] {
				updates = append(updates, &naming.Update{Op: naming.Add, Addr: addr})
			}
		}
		w.known = now
		if len(updates) > 0 {
			return updates, nil
		}
	}
}
