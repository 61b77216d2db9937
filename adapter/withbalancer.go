package adapter

// The DialOptions. Grpc calls the builders of a ClientConn in Dial and when it wakes
// up; they keep nothing but the Balancer.

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/internal/endpoint"
)

// WithBalancer returns a DialOption that makes the ClientConn use b, as the
// function of the same name in grpc-go up to v1.29.1.
//
// The ClientConn calls b.Start when it is dialled and b.Close when it is
// closed. A ClientConn without RPCs for 30 minutes goes idle: it closes b, and
// starts it again with the next RPC. [RoundRobin] can be started again; for a
// Balancer that cannot, dial with grpc.WithIdleTimeout(0).
//
// The option covers targets without a scheme and those whose scheme is unknown
// to grpc, "passthrough", "dns" or "unix". A target with the scheme of another
// registered resolver goes to that resolver and never meets b.
//
// b travels in the service config of the resolver. Use
// [WithBalancerAndServiceConfig] instead if the ClientConn has
// grpc.WithDefaultServiceConfig, which would have no effect, or
// grpc.WithDisableServiceConfig, with which Dial fails.
//
// Deprecated: use grpc.WithResolvers([NewBuilder](...)) and an LB policy.
func WithBalancer(b Balancer) grpc.DialOption {
	return (&balancerOption{balancer: b}).resolvers()
}

// WithBalancerAndServiceConfig is [WithBalancer] for a ClientConn that has a
// service config of its own, in JSON as for grpc.WithDefaultServiceConfig; pass
// "" or "{}" for none. It returns two DialOptions. The config's method configs,
// retry policies and so on are used; its LB policy is not, as b takes its place.
// It works with grpc.WithDisableServiceConfig, and leaves no room for another
// grpc.WithDefaultServiceConfig. A JSON that is not valid makes Dial fail.
func WithBalancerAndServiceConfig(b Balancer, serviceConfigJSON string) []grpc.DialOption {
	return []grpc.DialOption{
		(&balancerOption{balancer: b, defaultConfig: true}).resolvers(),
		grpc.WithDefaultServiceConfig(withPolicy(serviceConfigJSON, policyName)),
	}
}

// WithBalancerName returns a DialOption that selects the LB policy of that
// name, as the function of the same name in grpc-go up to v1.29.1. The policy
// must be registered when Dial is called; otherwise Dial fails (v1.29.1 panicked
// here).
//
// It is a default service config, and so takes the place of
// grpc.WithDefaultServiceConfig. A service config that the resolver sends may choose
// another policy; in v1.29.1 it could not, nor can it beside
// grpc.WithDisableServiceConfig.
//
// Deprecated: use grpc.WithDefaultServiceConfig with a loadBalancingConfig.
//
//go:fix inline
func WithBalancerName(name string) grpc.DialOption {
	return grpc.WithDefaultServiceConfig(fmt.Sprintf(`{"loadBalancingConfig": [{%q: {}}]}`, name))
}

// withPolicy returns the service config with its LB policy replaced. What is
// not a JSON object is returned as it is, for grpc to complain about.
func withPolicy(serviceConfigJSON, policy string) string {
	config := make(map[string]json.RawMessage)
	if serviceConfigJSON != "" {
		if err := json.Unmarshal([]byte(serviceConfigJSON), &config); err != nil {
			return serviceConfigJSON
		}
	}
	if config == nil { // JSON null
		config = make(map[string]json.RawMessage)
	}
	for key := range config { // grpc's own decoder does not mind the case
		if strings.EqualFold(key, "loadBalancingConfig") {
			delete(config, key)
		}
	}
	lb, err := json.Marshal([]map[string]struct{}{{policy: {}}})
	if err != nil {
		panic(err) // a map of strings to nothing always has a JSON form
	}
	config["loadBalancingConfig"] = lb
	all, err := json.Marshal(config)
	if err != nil {
		panic(err) // its values have just been parsed
	}
	return string(all)
}

// resolvers is one builder per scheme under which grpc may look for a resolver
// of a target that v1.29.1 gave to its balancer.
func (o *balancerOption) resolvers() grpc.DialOption {
	schemes := []string{"", "passthrough", "dns", "unix", "unix-abstract"}
	if s := resolver.GetDefaultScheme(); s != "passthrough" && s != "dns" {
		schemes = append(schemes, s)
	}
	builders := make([]resolver.Builder, len(schemes))
	for i, s := range schemes {
		builders[i] = &bridgeBuilder{scheme: s, option: o}
	}
	return grpc.WithResolvers(builders...)
}

// bridgeBuilder builds the bridge for targets of one scheme.
type bridgeBuilder struct {
	scheme string
	option *balancerOption
}

func (b *bridgeBuilder) Scheme() string { return b.scheme }

var (
	errNilBalancer = errors.New("adapter: WithBalancer was given a nil Balancer; leave the option out, or give it one such as RoundRobin(nil)")
	errDisabled    = errors.New("adapter: grpc.WithDisableServiceConfig leaves WithBalancer without effect; use adapter.WithBalancerAndServiceConfig instead")
)

func (b *bridgeBuilder) Build(target resolver.Target, cc resolver.ClientConn, opts resolver.BuildOptions) (resolver.Resolver, error) {
	if b.option.balancer == nil {
		return nil, errNilBalancer
	}
	if opts.DisableServiceConfig && !b.option.defaultConfig {
		return nil, errDisabled
	}
	bridge := newBridge(b.option, endpoint.Of(target), cc, opts)
	if !b.option.defaultConfig {
		bridge.lbConfig = cc.ParseServiceConfig(withPolicy("", policyName))
		if bridge.lbConfig.Err != nil {
			return nil, fmt.Errorf("adapter: %w", bridge.lbConfig.Err)
		}
	}
	bridge.open()
	return bridge, nil
}
