package adapter

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/balancer"
	"google.golang.org/grpc/balancer/base"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

const roundRobinConfig = `{"loadBalancingConfig":[{"round_robin":{}}]}`

func TestNewBuilder(t *testing.T) {
	b := startBackends(t, 3)
	r := &scriptResolver{}
	conn := dial(t, "Legacy://authority/svc?tag=%2F", // grpc lowers the scheme
		grpc.WithResolvers(NewBuilder("Legacy", r)), grpc.WithDefaultServiceConfig(roundRobinConfig))
	w := r.watcher(t, 0)
	if got := r.resolved()[0]; got != "svc?tag=%2F" {
		t.Errorf("Resolve got %q", got)
	}
	w.send(t, add(addrsOf(b...)...)...)
	callAll(t, conn, b...)
	w.send(t, del(b[0].Addr())...)
	callAll(t, conn, b[1:]...)
	w.fail(t, errors.New("compacted"))
	second := r.watcher(t, 1)
	callAll(t, conn, b[1:]...)
	second.send(t, add(b[0].Addr())...)
	callAll(t, conn, b[0])
	conn.Close()
	if w.closeCount() != 1 || second.closeCount() != 1 {
		t.Errorf("the watchers were closed %d and %d times, want once", w.closeCount(), second.closeCount())
	}
}

func TestNewBuilderRegistered(t *testing.T) {
	b := startBackends(t, 1)
	builder := NewBuilder("grpcnaming-test-registered", fixedResolver{b[0].Addr()})
	resolver.Register(builder)
	callAll(t, dial(t, builder.Scheme()+":///svc"), b[0])
}

func TestNewBuilderServiceConfigOfUser(t *testing.T) {
	b, attempts := flaky(t)
	conn := dial(t, "", grpc.WithResolvers(NewBuilder("", fixedResolver{b.Addr()})), grpc.WithDefaultServiceConfig(retryConfig))
	call(t, conn)
	if n := attempts.Load(); n != 3 {
		t.Errorf("%d attempts, want the retry policy's 3", n)
	}
}

func TestNewBuilderResolveFails(t *testing.T) {
	b := startBackends(t, 1)
	good := &scriptResolver{}
	calls := 0
	r := &scriptResolver{resolve: func(target string) (naming.Watcher, error) {
		if calls++; calls == 1 {
			return nil, errors.New("etcd: no such cluster")
		}
		return good.Resolve(target)
	}}
	conn := dial(t, "legacy:///svc", grpc.WithResolvers(NewBuilder("legacy", r)))
	if _, err := backend.Call(testContext(t), conn); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "etcd: no such cluster") {
		t.Errorf("RPC: %v, want Unavailable with the resolver's error", err)
	}
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	call(t, conn, grpc.WaitForReady(true))
}

// metadataPolicy is a modern LB policy that reads the Metadata of the old API.
type metadataPolicy struct {
	mu   sync.Mutex
	seen map[string]interface{}
}

func (p *metadataPolicy) Build(info base.PickerBuildInfo) balancer.Picker {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen = make(map[string]interface{})
	for _, sc := range info.ReadySCs {
		p.seen[sc.Address.Addr] = Metadata(sc.Address)
	}
	return base.NewErrPicker(balancer.ErrNoSubConnAvailable)
}

func (p *metadataPolicy) see(addr string) interface{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen[addr]
}

func TestMetadataUnderModernPolicy(t *testing.T) {
	b := startBackends(t, 2)
	policy := &metadataPolicy{}
	const name = "grpcnaming_test_metadata"
	balancer.Register(base.NewBalancerBuilder(name, policy, base.Config{}))
	r := &scriptResolver{}
	dial(t, "legacy:///svc", grpc.WithResolvers(NewBuilder("legacy", r)), WithBalancerName(name))
	w := r.watcher(t, 0)
	weight := map[string]int{"weight": 3} // comparing it with == would panic
	w.send(t, addWith(b[0].Addr(), weight), addWith(b[1].Addr(), nil))
	eventually(t, "the policy sees the Metadata", func() bool { return fmt.Sprint(policy.see(b[0].Addr())) == fmt.Sprint(weight) })
	if m := policy.see(b[1].Addr()); m != nil {
		t.Errorf("Metadata = %v, want nil", m)
	}
	w.send(t, append(del(b[0].Addr()), addWith(b[0].Addr(), "other"))...)
	eventually(t, "the policy sees the new Metadata", func() bool { return policy.see(b[0].Addr()) == "other" })
}

func TestMetadataOfForeignAddress(t *testing.T) {
	if m := Metadata(resolver.Address{Addr: "a:1"}); m != nil {
		t.Errorf("Metadata = %v", m)
	}
}
