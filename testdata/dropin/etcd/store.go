package main

import (
	"context"
	"sync"

	"go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
)

// store is as much of etcd as naming needs: ranges, puts and deletes of single
// keys, and watches from a revision on, one per stream.
type store struct {
	etcdserverpb.UnimplementedKVServer
	etcdserverpb.UnimplementedWatchServer

	mu      sync.Mutex // guards what follows
	kvs     map[string]*mvccpb.KeyValue
	history []*mvccpb.Event // that of revision 1 first
	changed chan struct{}   // closed, and made anew, with each event
}

func newStore() *store {
	return &store{kvs: make(map[string]*mvccpb.KeyValue), changed: make(chan struct{})}
}

func (s *store) register(r *grpc.Server) {
	etcdserverpb.RegisterKVServer(r, s)
	etcdserverpb.RegisterWatchServer(r, s)
}

// header and record are called with mu held.
func (s *store) header() *etcdserverpb.ResponseHeader {
	return &etcdserverpb.ResponseHeader{Revision: int64(len(s.history))}
}

func (s *store) record(e *mvccpb.Event) {
	e.PrevKv = s.kvs[string(e.Kv.Key)]
	e.Kv.ModRevision = int64(len(s.history)) + 1
	s.history = append(s.history, e)
	close(s.changed)
	s.changed = make(chan struct{})
}

func (s *store) Range(_ context.Context, r *etcdserverpb.RangeRequest) (*etcdserverpb.RangeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	resp := &etcdserverpb.RangeResponse{Header: s.header()}
	for key, kv := range s.kvs {
		if string(r.Key) <= key && key < string(r.RangeEnd) {
			resp.Kvs = append(resp.Kvs, kv)
		}
	}
	return resp, nil
}

func (s *store) Put(_ context.Context, r *etcdserverpb.PutRequest) (*etcdserverpb.PutResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kv := &mvccpb.KeyValue{Key: r.Key, Value: r.Value}
	s.record(&mvccpb.Event{Type: mvccpb.PUT, Kv: kv})
	s.kvs[string(r.Key)] = kv
	return &etcdserverpb.PutResponse{Header: s.header()}, nil
}

func (s *store) DeleteRange(_ context.Context, r *etcdserverpb.DeleteRangeRequest) (*etcdserverpb.DeleteRangeResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(&mvccpb.Event{Type: mvccpb.DELETE, Kv: &mvccpb.KeyValue{Key: r.Key}})
	delete(s.kvs, string(r.Key))
	return &etcdserverpb.DeleteRangeResponse{Header: s.header(), Deleted: 1}, nil
}

func (s *store) Watch(stream etcdserverpb.Watch_WatchServer) error {
	req, err := stream.Recv()
	if err != nil {
		return err
	}
	create := req.GetCreateRequest()
	s.mu.Lock()
	header := s.header()
	s.mu.Unlock()
	if err := stream.Send(&etcdserverpb.WatchResponse{Header: header, Created: true}); err != nil {
		return err
	}
	for sent := int(create.StartRevision) - 1; ; {
		s.mu.Lock()
		events, header, changed := s.history[sent:], s.header(), s.changed
		s.mu.Unlock()
		sent += len(events)
		if len(events) > 0 {
			// Only one prefix is ever in use, so that all keys match.
			if err := stream.Send(&etcdserverpb.WatchResponse{Header: header, Events: events}); err != nil {
				return err
			}
		}
		select {
		case <-changed:
		case <-stream.Context().Done():
			return nil
		}
	}
}
