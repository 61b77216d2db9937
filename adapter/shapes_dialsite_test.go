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

func newClient(opts ...clientOption) (*grpc.ClientConn, error) {
	c := &client{opts: []grpc.DialOption{grpc.WithInsecure()}}
	for _, opt := range opts {
		opt(c)
	}
	if c.balancer != nil {
		c.opts = append(c.opts, WithBalancer(c.balancer))
	}
	return grpc.Dial("svc", c.opts...)
}

// WithBalancer is a DialOption like any other: it works wherever one is put.
func TestShapeDialSites(t *testing.T) {
	for name, dial := range map[string]func(r fixedResolver) (*grpc.ClientConn, error){
		"direct argument": func(r fixedResolver) (*grpc.ClientConn, error) {
			return grpc.Dial("svc", grpc.WithInsecure(), WithBalancer(RoundRobin(r)))
		},
		"variable": func(r fixedResolver) (*grpc.ClientConn, error) {
			b := RoundRobin(r)
			lb := WithBalancer(b)
			return grpc.Dial("svc", lb, grpc.WithInsecure())
		},
		"append": func(r fixedResolver) (*grpc.ClientConn, error) {
			var opts []grpc.DialOption
			opts = append(opts, grpc.WithInsecure())
			opts = append(opts, WithBalancer(RoundRobin(r)))
			return grpc.Dial("svc", opts...)
		},
		"append to a package-global slice": func(r fixedResolver) (*grpc.ClientConn, error) {
			t.Cleanup(func() { packageOptions = nil })
			packageOptions = append(packageOptions, grpc.WithInsecure(), WithBalancer(RoundRobin(r)))
			return grpc.Dial("svc", packageOptions...)
		},
		"slice literal": func(r fixedResolver) (*grpc.ClientConn, error) {
			return grpc.Dial("svc", []grpc.DialOption{WithBalancer(RoundRobin(r)), grpc.WithInsecure()}...)
		},
		"returned DialOption": func(r fixedResolver) (*grpc.ClientConn, error) {
			return grpc.Dial("svc", grpc.WithInsecure(), balancerOptionFor(r))
		},
		"struct field": func(r fixedResolver) (*grpc.ClientConn, error) {
			c := client{opts: []grpc.DialOption{grpc.WithInsecure(), balancerOptionFor(r)}}
			return grpc.Dial("svc", c.opts...)
		},
		"functional option": func(r fixedResolver) (*grpc.ClientConn, error) {
			return newClient(withClientBalancer(RoundRobin(r)))
		},
		"functional option for the resolver": func(r fixedResolver) (*grpc.ClientConn, error) {
			return newClient(withResolver(r))
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBackends(t, 2)
			conn, err := dial(fixedResolver(addrsOf(b...)))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			callAll(t, conn, b...)
		})
	}
}
