package adapter

// What grpc is told of a naming.Resolver, without a ClientConn.

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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

// build is Build for a ClientConn that is not one.
func build(t *testing.T, b resolver.Builder, cc resolver.ClientConn) resolver.Resolver {
	t.Helper()
	r, err := b.Build(resolver.Target{}, cc, resolver.BuildOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// heard is of each State the number of addresses, and of each error the text.
func (c *toldConn) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.told)
}

// A failure is told while nothing is known, and told again when it is over; a Next
// without news is told once, if it is the very first.
func TestToldOfFailures(t *testing.T) {
	failure := map[string]string{
		"NewBuilder":   `watching target "": compacted`,
		"WithBalancer": "0 addresses", // so that RPCs ask Get, which knows why
	}
	for name, builder := range namingBuilders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				script, cc := &scriptResolver{}, &toldConn{}
				defer build(t, builder(script), cc).Close()
				script.watcher(t, 0).send(t)
				synctest.Wait()
				script.watcher(t, 0).fail(t, errors.New("compacted"))
				synctest.Wait()
				w := script.watcher(t, 1)
				for range 5 {
					w.send(t)
					synctest.Wait()
				}
				if got, want := cc.heard(), []string{"0 addresses", failure[name], "0 addresses"}; !slices.Equal(got, want) {
					t.Errorf("grpc was told of %q, want %q", got, want)
				}
			})
		})
	}
}

// What an ErrorReporter says is no news when it says that nothing is wrong, or
// while addresses are known.
func TestToldOfNoReason(t *testing.T) {
	for name, builder := range namingBuilders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				watchers, r := reportingResolver()
				cc := &toldConn{}
				defer build(t, builder(r), cc).Close()
				w := <-watchers
				w.reasons <- nil
				synctest.Wait()
				w.send(t, add("a:1")...)
				synctest.Wait()
				w.reasons <- errors.New("no leader")
				synctest.Wait()
				if got, want := cc.heard(), []string{"1 addresses"}; !slices.Equal(got, want) {
					t.Errorf("grpc was told of %q, want %q", got, want)
				}
			})
		})
	}
}

// A RoundRobin that is started again has as long for its first list as after Dial:
// RPCs wait for it.
func TestToldNothingBeforeTheFirstNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := &bridgeBuilder{option: &balancerOption{balancer: RoundRobin(&scriptResolver{})}}
		for life := range 2 {
			cc := &toldConn{}
			r := build(t, b, cc)
			time.Sleep(10 * wakeTime)
			if got := cc.heard(); len(got) > 0 {
				t.Errorf("in life %d grpc was told of %q before the first Next", life, got)
			}
			r.Close()
		}
	})
}
