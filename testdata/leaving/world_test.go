package leaving

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/consul/api"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

// A world is a real Consul, and the backends.
type world struct {
	t         *testing.T
	agent     *consulagent.Agent
	backends  map[string]*backend.Backend // by name, such as "A"
	authority atomic.Value                // what the last call had as :authority, quoted
}

const service = "add" // which program/main.go has, too

func newWorld(t *testing.T) *world {
	t.Helper()
	agent, err := consulagent.Start(testwait.Context(t), consulagent.Config{Persistent: true})
	if err != nil {
		t.Fatal("the real Consul (run `make consul`): ", err)
	}
	t.Cleanup(func() {
		if err := agent.Stop(); err != nil {
			t.Error(err)
		}
	})
	return &world{t: t, agent: agent, backends: make(map[string]*backend.Backend)}
}

// start starts backends, or those that had been stopped again.
func (w *world) start(names ...string) {
	w.t.Helper()
	for _, n := range names {
		addr := "127.0.0.1:0"
		if b := w.backends[n]; b != nil {
			addr = b.Addr()
		}
		b, err := backend.StartOn(addr, grpc.ChainUnaryInterceptor(w.called))
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(b.Stop)
		w.backends[n] = b
	}
}

func (w *world) called(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	w.authority.Store(fmt.Sprintf("%q", md.Get(":authority")))
	return handler(ctx, req)
}

// kill stops backends at once.
func (w *world) kill(names ...string) {
	for _, n := range names {
		w.backends[n].Stop()
	}
}

// register enters instances into the catalogue, at once, or changes their health.
func (w *world) register(health string, names ...string) {
	w.t.Helper()
	var ops api.TxnOps
	for _, n := range names {
		ops = append(ops,
			&api.TxnOp{Node: &api.NodeTxnOp{Verb: api.NodeSet, Node: api.Node{Node: n, Address: "127.0.0.1"}}},
			&api.TxnOp{Service: &api.ServiceTxnOp{Verb: api.ServiceSet, Node: n, Service: api.AgentService{
				ID: n, Service: service, Address: "127.0.0.1", Port: w.backends[n].Port(),
			}}},
			&api.TxnOp{Check: &api.CheckTxnOp{Verb: api.CheckSet, Check: api.HealthCheck{
				Node: n, CheckID: n, Name: "health", Status: health, ServiceID: n, ServiceName: service,
			}}})
	}
	w.change(ops)
}

// deregister takes instances out of the catalogue, at once.
func (w *world) deregister(names ...string) {
	w.t.Helper()
	var ops api.TxnOps
	for _, n := range names {
		ops = append(ops, &api.TxnOp{Service: &api.ServiceTxnOp{Verb: api.ServiceDelete, Node: n, Service: api.AgentService{ID: n, Service: service}}})
	}
	w.change(ops)
}

func (w *world) change(ops api.TxnOps) {
	w.t.Helper()
	ok, response, _, err := w.agent.Client().Txn().Txn(ops, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	if !ok {
		w.t.Fatal("the catalogue is not changed: ", response.Errors[0].What)
	}
}
