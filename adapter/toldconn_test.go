package adapter

import (
	"fmt"
	"slices"
	"sync"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/serviceconfig"

	"github.com/grpcnaming/grpcnaming/naming"
)

// namingOptions are the two ways to dial with a naming.Resolver.
var namingOptions = map[string]func(naming.Resolver) grpc.DialOption{
	"WithBalancer": func(r naming.Resolver) grpc.DialOption { return WithBalancer(RoundRobin(r)) },
	"NewBuilder":   func(r naming.Resolver) grpc.DialOption { return grpc.WithResolvers(NewBuilder("", r)) },
}

// namingBuilders are what grpc has of them, for tests without a ClientConn.
var namingBuilders = map[string]func(naming.Resolver) resolver.Builder{
	"WithBalancer": func(r naming.Resolver) resolver.Builder {
		return &bridgeBuilder{option: &balancerOption{balancer: RoundRobin(r)}}
	},
	"NewBuilder": func(r naming.Resolver) resolver.Builder { return NewBuilder("old", r) },
}

// toldConn is the ClientConn of a resolver and keeps what it is told.
type toldConn struct {
	resolver.ClientConn
	// The first State is announced by taken, and not taken until allow is closed,
	// if there are any.
	taken, allow chan struct{}

	mu   sync.Mutex
	told []string
}

func (c *toldConn) tell(what string) (first bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.told = append(c.told, what)
	return len(c.told) == 1
}

func (c *toldConn) UpdateState(s resolver.State) error {
	if c.tell(fmt.Sprint(len(s.Addresses), " addresses")) && c.taken != nil {
		c.taken <- struct{}{}
		<-c.allow
	}
	return nil
}

func (c *toldConn) ReportError(err error) { c.tell(err.Error()) }

func (c *toldConn) ParseServiceConfig(string) *serviceconfig.ParseResult {
	return &serviceconfig.ParseResult{}
}

// heard is of each State the number of addresses, and of each error the text.
func (c *toldConn) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.told)
}
