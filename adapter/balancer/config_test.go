package balancer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/adapter/balancer"
)

func TestBuildOptions(t *testing.T) {
	got := make(chan balancer.BuildOptions, 1)
	n := name()
	balancer.Register(buildFunc{n, func(_ balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
		got <- o
		return panicking{}
	}})
	r := &names{name(), make(chan resolver.ClientConn, 1)}
	conn, err := grpc.Dial(r.scheme+":///svc", grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithResolvers(r),
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return nil, errors.New("mine") }),
		grpc.WithAuthority("authority"), grpc.WithUserAgent("agent"),
		grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingPolicy":%q}`, n)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	(<-r.built).UpdateState(resolver.State{Addresses: []resolver.Address{{Addr: "a"}}})
	o := <-got
	if _, err := o.Dialer(context.Background(), ""); err == nil || err.Error() != "mine" {
		t.Errorf("Dialer: %v", err)
	}
	if o.DialCreds == nil || o.Target.Endpoint() != "svc" || o.Authority != "authority" ||
		!strings.HasPrefix(o.CustomUserAgent, "agent") || o.ChannelzParent == nil || o.ChannelzParentID != 0 {
		t.Errorf("%+v", o)
	}
}

// parsing is a Builder with a config of its own.
type parsing struct{ *policy }

type config struct {
	serviceconfig.LoadBalancingConfig
	Size int
}

func (parsing) ParseConfig(text json.RawMessage) (serviceconfig.LoadBalancingConfig, error) {
	c := &config{}
	return c, json.Unmarshal(text, c)
}
func (p parsing) Build(cc balancer.ClientConn, o balancer.BuildOptions) balancer.Balancer {
	p.policy.Build(cc, o)
	return configured(p)
}

// configured says what its config is in its RPCs.
type configured struct{ *policy }

func (c configured) UpdateClientConnState(s balancer.ClientConnState) error {
	c.cc.UpdateState(balancer.State{ConnectivityState: connectivity.TransientFailure, Picker: v2PickFunc(
		func(balancer.PickInfo) (balancer.PickResult, error) {
			return balancer.PickResult{}, fmt.Errorf("size %d", s.BalancerConfig.(*config).Size)
		})})
	return nil
}
func (configured) ResolverError(error)                                        {}
func (configured) UpdateSubConnState(balancer.SubConn, balancer.SubConnState) {}

func TestConfigParser(t *testing.T) {
	s := (&stage{T: t}).open()
	p := parsing{s.newPolicy()}
	balancer.Register(p)
	if _, ok := balancer.Get(p.name).(balancer.ConfigParser); !ok {
		t.Error("Get has lost ParseConfig")
	}
	c := s.dialConfig(fmt.Sprintf(`{"loadBalancingConfig":[{%q:{"size":3}}]}`, p.name))
	c.resolve("A")
	if _, err := c.call(); status.Convert(err).Message() != "size 3" {
		t.Errorf("RPC: %v", err)
	}
}

// Today's grpc tells upper from lower case. Both are known.
func TestNameInServiceConfig(t *testing.T) {
	for _, spell := range []func(string) string{strings.ToLower, func(s string) string { return s }} {
		s := (&stage{T: t}).open()
		p := s.newPolicy()
		p.name = "UPPER_" + p.name
		balancer.Register(p)
		c := s.dial(spell(p.name))
		c.resolve("A")
		<-p.built
	}
}
