package balancer_test

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/status"
)

// names is a resolver that the scenario speaks for.
type names struct {
	scheme string
	built  chan resolver.ClientConn
}

func (n *names) Build(_ resolver.Target, cc resolver.ClientConn, _ resolver.BuildOptions) (resolver.Resolver, error) {
	n.built <- cc
	return n, nil
}
func (n *names) Scheme() string                        { return n.scheme }
func (n *names) ResolveNow(resolver.ResolveNowOptions) {}
func (n *names) Close()                                {}

// channel is a ClientConn with that policy.
type channel struct {
	*stage
	*grpc.ClientConn
	resolver resolver.ClientConn
}

var lastName int

// name is a new name for a policy or a scheme.
func name() string {
	lastName++
	return fmt.Sprintf("scenario%d", lastName)
}

func (s *stage) dial(policy string) *channel {
	return s.dialConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{}}]}`, policy))
}

func (s *stage) dialConfig(serviceConfig string) *channel {
	n := &names{name(), make(chan resolver.ClientConn, 1)}
	conn, err := grpc.Dial(n.scheme+":///target", grpc.WithInsecure(), grpc.WithResolvers(n),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: backoff.Config{BaseDelay: 20 * time.Millisecond, Multiplier: 1, MaxDelay: 20 * time.Millisecond}, MinConnectTimeout: 5 * time.Second}))
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { conn.Close() })
	return &channel{s, conn, <-n.built}
}

func (c *channel) resolve(servers ...string) {
	c.resolver.UpdateState(resolver.State{Addresses: c.addr(servers...)})
}

func (c *channel) call(opts ...grpc.CallOption) (server string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return c.callWith(ctx, opts...)
}

func (c *channel) callWith(ctx context.Context, opts ...grpc.CallOption) (server string, err error) {
	var md metadata.MD
	if _, err = healthpb.NewHealthClient(c.ClientConn).Check(ctx, &healthpb.HealthCheckRequest{}, append(opts, grpc.Header(&md))...); err != nil {
		return "", err
	}
	if len(md["server"]) != 1 {
		return "", errors.New("answered by nobody")
	}
	return md["server"][0], nil
}

// sayCall makes an RPC and says what became of it.
func (c *channel) sayCall(what string, opts ...grpc.CallOption) {
	server, err := c.call(opts...)
	if err != nil {
		c.say("%s: %v: %s", what, status.Code(err), status.Convert(err).Message())
		return
	}
	c.say("%s: answered by %s", what, server)
}

// answeredBy waits until RPCs are answered by these servers, and by no others.
func (c *channel) answeredBy(servers ...string) {
	c.Helper()
	c.wait("RPCs are answered by "+strings.Join(servers, ", "), func() bool {
		seen := make(map[string]bool)
		for i := 0; i < 4*len(servers); i++ {
			if server, err := c.call(); err == nil {
				seen[server] = true
			}
		}
		for _, s := range servers {
			if !seen[s] {
				return false
			}
		}
		return len(seen) == len(servers)
	})
	c.say("RPCs are answered by %s", strings.Join(servers, ", "))
}

func kinds(f func(kind string, opt grpc.CallOption)) {
	f("fail-fast", grpc.WaitForReady(false))
	f("wait-for-ready", grpc.WaitForReady(true))
}

// count makes n RPCs and says who has answered them.
func (c *channel) count(n int) string {
	answers := make(map[string]int)
	for i := 0; i < n; i++ {
		server, err := c.call()
		if err != nil {
			server = err.Error()
		}
		answers[server]++
	}
	var list []string
	for server, n := range answers {
		list = append(list, fmt.Sprintf("%s %d", server, n))
	}
	sort.Strings(list)
	return strings.Join(list, ", ")
}
