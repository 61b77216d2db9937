package bench

import (
	"net"
	"strconv"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/naming"
)

// article is the loop that everybody copied, with its faults: an error leaves meta
// nil, Close does nothing.
type article struct{ address, service string }

func (a article) Resolve(string) (naming.Watcher, error) {
	client, err := api.NewClient(&api.Config{Address: a.address})
	if err != nil {
		return nil, err
	}
	return &articleWatcher{client: client, service: a.service}, nil
}

type articleWatcher struct {
	client  *api.Client
	service string
	index   uint64
	known   map[string]bool
}

func (w *articleWatcher) Close() {}

func (w *articleWatcher) Next() ([]*naming.Update, error) {
	for {
		entries, meta, _ := w.client.Health().Service(w.service, "", true, &api.QueryOptions{WaitIndex: w.index})
		w.index = meta.LastIndex
		if updates := w.updates(entries); len(updates) > 0 {
			return updates, nil
		}
	}
}

func (w *articleWatcher) updates(entries []*api.ServiceEntry) (updates []*naming.Update) {
	now := make(map[string]bool)
	for _, e := range entries {
		now[net.JoinHostPort(e.Service.Address, strconv.Itoa(e.Service.Port))] = true
	}
	for addr := range w.known {
		if !now[addr] {
			updates = append(updates, &naming.Update{Op: naming.Delete, Addr: addr})
		}
	}
	for addr := range now {
		if !w.known[addr] {
			updates = append(updates, add(addr))
		}
	}
	w.known = now
	return updates
}
