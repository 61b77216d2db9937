package adapter

import (
	"testing"

	"google.golang.org/grpc"
)

// packageOptions is a package-global slice that is appended to before Dial.
var packageOptions []grpc.DialOption

// balancerOptionFor is a function of the user's that returns the DialOption.
func balancerOptionFor(r fixedResolver) grpc.DialOption {
	return WithBalancer(RoundRobin(r))
}

// client has the Balancer, or the options, in a struct field.
type client struct {
	balancer Balancer
	opts     []grpc.DialOption
}

// clientOption is a functional option of the user's client.
type clientOption func(*client)

func withClientBalancer(b Balancer) clientOption {
	return func(c *client) { c.opts = append(c.opts, WithBalancer(b)) }
}

func withResolver(r fixedResolver) clientOption {
	return func(c *client) { c.balancer = RoundRobin(r) }
}

func newClient(opts ...clientOption) *client {
	c := &client{opts: []grpc.DialOption{grpc.WithInsecure()}}
	for _, opt := range opts {
		opt(c)
	}
	if c.balancer != nil {
		c.opts = append(c.opts, WithBalancer(c.balancer))
	}
	return c
}

// WithBalancer is a DialOption like any other: it works wherever one is put.
func TestShapeDialSites(t *testing.T) {
	t.Cleanup(func() { packageOptions = nil })
	for name, options := range map[string]func(r fixedResolver) []grpc.DialOption{
		"variable": func(r fixedResolver) []grpc.DialOption {
			b := RoundRobin(r)
			lb := WithBalancer(b)
			return []grpc.DialOption{lb, grpc.WithInsecure()}
		},
		"append": func(r fixedResolver) (opts []grpc.DialOption) {
			opts = append(opts, grpc.WithInsecure())
			return append(opts, WithBalancer(RoundRobin(r)))
		},
		"append to a package-global slice": func(r fixedResolver) []grpc.DialOption {
			packageOptions = append(packageOptions, grpc.WithInsecure(), WithBalancer(RoundRobin(r)))
			return packageOptions
		},
		"returned DialOption": func(r fixedResolver) []grpc.DialOption {
			return []grpc.DialOption{grpc.WithInsecure(), balancerOptionFor(r)}
		},
		"struct field": func(r fixedResolver) []grpc.DialOption {
			c := client{opts: []grpc.DialOption{grpc.WithInsecure(), balancerOptionFor(r)}}
			return c.opts
		},
		"functional option": func(r fixedResolver) []grpc.DialOption {
			return newClient(withClientBalancer(RoundRobin(r))).opts
		},
		"functional option for the resolver": func(r fixedResolver) []grpc.DialOption { return newClient(withResolver(r)).opts },
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 2)
			conn, err := grpc.Dial("svc", options(addrsOf(b...))...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			callAll(t, conn, b...)
		})
	}
}
