// Package grpclb finds the instances of a service in Consul, as a widely copied
// article does, with its faults.
package grpclb

import (
	"log"
	"net"
	"strconv"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc/naming"
)

type consulResolver struct {
	address string
	service string
}

// NewConsulResolver asks the agent at address for the instances of service.
func NewConsulResolver(address, service string) naming.Resolver {
	return &consulResolver{address: address, service: service}
}

func (r *consulResolver) Resolve(target string) (naming.Watcher, error) {
	config := api.DefaultConfig()
	config.Address = r.address
	client, err := api.NewClient(config)
	if err != nil {
		return nil, err
	}
	return &consulWatcher{client: client, service: r.service, addrs: map[string]struct{}{}}, nil
}

type consulWatcher struct {
	client    *api.Client
	service   string
	lastIndex uint64
	addrs     map[string]struct{}
}

func (w *consulWatcher) Close() {}

func (w *consulWatcher) Next() ([]*naming.Update, error) {
	for {
		entries, meta, err := w.client.Health().Service(w.service, "", true, &api.QueryOptions{
			WaitIndex: w.lastIndex,
		})
		if err != nil {
			log.Printf("no instances from Consul: %v", err)
		}
		w.lastIndex = meta.LastIndex

		now := map[string]struct{}{}
		for _, e := range entries {
			now[net.JoinHostPort(e.Service.Address, strconv.Itoa(e.Service.Port))] = struct{}{}
		}
		var updates []*naming.Update
		for addr := range w.addrs {
			if _, ok := now[addr]; !ok {
				updates = append(updates, &naming.Update{Op: naming.Delete, Addr: addr})
			}
		}
		for addr := range now {
			if _, ok := w.addrs[addr]; !ok {
				updates = append(updates, &naming.Update{Op: naming.Add, Addr: addr})
			}
		}
		if len(updates) > 0 {
			w.addrs = now
			return updates, nil
		}
	}
}
