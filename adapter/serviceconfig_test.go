package adapter

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

const retryConfig = `{
	"loadBalancingConfig": [{"pick_first": {}}],
	"methodConfig": [{
		"name": [{"service": "grpc.health.v1.Health"}],
		"retryPolicy": {
			"maxAttempts": 3,
			"initialBackoff": "0.001s",
			"maxBackoff": "0.001s",
			"backoffMultiplier": 1,
			"retryableStatusCodes": ["ABORTED"]
		}
	}]
}`

// flaky makes every call but each third fail with Aborted.
func flaky(t *testing.T) (*backend.Backend, *atomic.Int32) {
	t.Helper()
	var attempts atomic.Int32
	b, err := backend.Start(grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		if attempts.Add(1)%3 != 0 {
			return nil, status.Error(codes.Aborted, "try again")
		}
		return h(ctx, req)
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Stop)
	return b, &attempts
}

// A service config of the user's own has a real effect beside the balancer, with
// and without WithDisableServiceConfig.
func TestWithBalancerAndServiceConfig(t *testing.T) {
	for name, extra := range map[string][]grpc.DialOption{
		"alone":                         nil,
		"with WithDisableServiceConfig": {grpc.WithDisableServiceConfig()},
	} {
		t.Run(name, func(t *testing.T) {
			b, attempts := flaky(t)
			other := startBackends(t, 1)[0]
			r := &scriptResolver{}
			conn := dial(t, "svc", append(extra, WithBalancerAndServiceConfig(RoundRobin(r), retryConfig)...)...)
			w := r.watcher(t, 0)
			w.send(t, add(b.Addr())...)
			if got := call(t, conn); got != b.Addr() {
				t.Fatalf("answered by %s", got)
			}
			if n := attempts.Load(); n != 3 {
				t.Errorf("%d attempts, want the retry policy's 3", n)
			}
			w.send(t, append(del(b.Addr()), add(other.Addr())...)...)
			callAll(t, conn, other) // the balancer is in charge, not pick_first
		})
	}
}

// What WithBalancer alone does then, so that nobody is left guessing.
func TestWithBalancerBesideServiceConfig(t *testing.T) {
	b, attempts := flaky(t)
	conn := dial(t, "", WithBalancer(RoundRobin(fixedResolver{b.Addr()})), grpc.WithDefaultServiceConfig(retryConfig))
	if _, err := backend.Call(testContext(t), conn); status.Code(err) != codes.Aborted || attempts.Load() != 1 {
		t.Errorf("RPC: %v after %d attempts; the documentation says that the default service config has no effect", err, attempts.Load())
	}

	_, err := grpc.Dial("", grpc.WithInsecure(), WithBalancer(RoundRobin(fixedResolver{b.Addr()})), grpc.WithDisableServiceConfig())
	if err == nil || !strings.Contains(err.Error(), "WithBalancerAndServiceConfig") {
		t.Errorf("Dial with WithDisableServiceConfig: %v, want an error that names the way out", err)
	}
}

func TestServiceConfigJSON(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   `{"loadBalancingConfig":[{"p":{}}]}`,
		"{}":                                 `{"loadBalancingConfig":[{"p":{}}]}`,
		"null":                               `{"loadBalancingConfig":[{"p":{}}]}`,
		`{"LoadBalancingConfig":[{"x":{}}]}`: `{"loadBalancingConfig":[{"p":{}}]}`, // grpc does not mind the case
		`{"retryThrottling":{"maxTokens":1},"loadBalancingConfig":[{"x":{}}]}`: `{"loadBalancingConfig":[{"p":{}}],"retryThrottling":{"maxTokens":1}}`,
		"not JSON": "not JSON",
	} {
		if got := withPolicy(in, "p"); got != want {
			t.Errorf("withPolicy(%q) = %q, want %q", in, got, want)
		}
	}
	for _, options := range [][]grpc.DialOption{
		WithBalancerAndServiceConfig(RoundRobin(nil), "not JSON"),
		{WithBalancerName("no such policy")},
	} {
		if conn, err := grpc.Dial("x:1", append(options, grpc.WithInsecure())...); err == nil {
			conn.Close()
			t.Error("Dial succeeds with a service config that is not valid")
		}
	}
}

// A service config that the resolver sends chooses the LB policy, unless
// grpc.WithDisableServiceConfig stands beside WithBalancerName, as migrate has it.
func TestWithBalancerNameAgainstTheResolver(t *testing.T) {
	b := startBackends(t, 2)
	for _, test := range []struct {
		sends    string
		options  []grpc.DialOption
		answered int // by how many
	}{
		{"", nil, 2},
		{`{"loadBalancingConfig": [{"pick_first": {}}]}`, nil, 1},
		{`{"loadBalancingConfig": [{"pick_first": {}}]}`, []grpc.DialOption{grpc.WithDisableServiceConfig()}, 2},
	} {
		sends := manual.NewBuilderWithScheme("sends")
		sends.BuildCallback = func(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) {
			state := resolver.State{Addresses: []resolver.Address{{Addr: b[0].Addr()}, {Addr: b[1].Addr()}}}
			if test.sends != "" {
				state.ServiceConfig = cc.ParseServiceConfig(test.sends)
			}
			sends.InitialState(state)
		}
		conn := dial(t, "sends:///svc", append(test.options, grpc.WithResolvers(sends), WithBalancerName("round_robin"))...)
		if test.answered == 2 {
			callAll(t, conn, b...)
			continue
		}
		first := call(t, conn, grpc.WaitForReady(true))
		for range 10 {
			if got := call(t, conn); got != first {
				t.Fatalf("answered by %s and %s, though the resolver says pick_first", first, got)
			}
		}
	}
}

// Of two WithBalancer options grpc asks the first alone.
func TestTwoWithBalancers(t *testing.T) {
	b := startBackends(t, 2)
	conn := dial(t, "svc", WithBalancer(RoundRobin(fixedResolver{b[0].Addr()})), WithBalancer(RoundRobin(fixedResolver{b[1].Addr()})))
	if got := call(t, conn, grpc.WaitForReady(true)); got != b[0].Addr() {
		t.Errorf("answered by %s, want the first option's %s", got, b[0].Addr())
	}
}

// Somebody may put our policy's name into a service config by hand.
func TestPolicyWithoutBridge(t *testing.T) {
	b := startBackends(t, 1)
	conn := dial(t, b[0].Addr(), WithBalancerName(policyName))
	if _, err := backend.Call(testContext(t), conn); status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "adapter.WithBalancer") {
		t.Errorf("RPC: %v, want Unavailable with a hint", err)
	}
}
