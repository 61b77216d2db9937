package adapter

// What grpc is told of a naming.Resolver, without a ClientConn.

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"google.golang.org/grpc"
	"google.golang.org/grpc/resolver"

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

// eachBuilder runs f in a bubble with what builds a resolver for cc.
func eachBuilder(t *testing.T, f func(t *testing.T, name string, start func(naming.Resolver, *toldConn))) {
	for name, builder := range namingBuilders {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f(t, name, func(r naming.Resolver, cc *toldConn) {
					t.Cleanup(build(t, builder(r), cc).Close)
					synctest.Wait()
				})
			})
		})
	}
}

// A failure is told while nothing is known, and told again when it is over; a Next
// without news is told once, if it is the very first. What an ErrorReporter says is no
// news when it says that nothing is wrong, or while addresses are known.
func TestToldOfFailures(t *testing.T) {
	failure := map[string]string{
		"NewBuilder":   `watching target "": compacted`,
		"WithBalancer": "[]", // so that RPCs ask Get, which knows why
	}
	eachBuilder(t, func(t *testing.T, name string, start func(naming.Resolver, *toldConn)) {
		first, second, cc := newReporter(), newReporter(), &toldConn{}
		start(inTurn(first, second), cc)
		first.report(nil)
		first.send(t)
		synctest.Wait()
		first.fail(t, errors.New("compacted"))
		for range 5 {
			second.send(t)
			synctest.Wait()
		}
		second.send(t, add("a:1")...)
		synctest.Wait()
		second.report(errors.New("no leader"))
		synctest.Wait()
		if want := []string{"[]", failure[name], "[]", "[a:1]"}; !slices.Equal(cc.told, want) {
			t.Errorf("grpc was told of %q, want %q", cc.told, want)
		}
	})
}

// A Resolve that fails is told, and tried again.
func TestToldOfResolve(t *testing.T) {
	failure := map[string]string{
		"NewBuilder":   `resolving target "": no such cluster`,
		"WithBalancer": "[]", // as above
	}
	eachBuilder(t, func(t *testing.T, name string, start func(naming.Resolver, *toldConn)) {
		w, cc := newScriptWatcher(), &toldConn{}
		start(inTurn(errors.New("no such cluster"), w), cc)
		w.send(t, add("a:1")...)
		synctest.Wait()
		if want := []string{failure[name], "[a:1]"}; !slices.Equal(cc.told, want) {
			t.Errorf("grpc was told of %q, want %q", cc.told, want)
		}
	})
}

// Another life, as after idleness, asks for another watcher, and has as long for
// what that says first as after Dial: RPCs wait for it.
func TestToldNothingBeforeTheFirstNext(t *testing.T) {
	for name, builder := range namingBuilders {
		synctest.Test(t, func(t *testing.T) {
			script, cc := &scriptResolver{}, &toldConn{}
			b := builder(script)
			for life := range 2 {
				r := build(t, b, cc)
				elapse(10 * wakeTime)
				if r.Close(); len(cc.told) > 0 || script.watcher(t, life).closeCount() != 1 {
					t.Errorf("%s, life %d: grpc was told of %q before the first Next", name, life, cc.told)
				}
			}
		})
	}
}

// flood is a watcher of n batches of one Add each, as fast as they are asked for.
type flood struct {
	n, sent int
	rest    chan struct{} // if there is one, all but the first wait until it is closed
	closed  chan struct{}
}

func newFlood(n int) *flood { return &flood{n: n, closed: make(chan struct{})} }

func (f *flood) Resolve(string) (naming.Watcher, error) { return f, nil }

func (f *flood) Next() ([]*naming.Update, error) {
	if f.sent == f.n {
		<-f.closed
		return nil, errWatcherClosed
	}
	if f.sent == 1 && f.rest != nil {
		<-f.rest
	}
	f.sent++
	return add(fmt.Sprint("a", f.sent)), nil
}

func (f *flood) Close() { close(f.closed) }

// While grpc is busy with a State, everything goes on being read, and what it is
// told next is all of it at once.
func TestToldOfTheNewest(t *testing.T) {
	const n = 10_000
	eachBuilder(t, func(t *testing.T, _ string, start func(naming.Resolver, *toldConn)) {
		busy, f, cc := make(chan struct{}), newFlood(n), &toldConn{}
		cc.update = func(resolver.State) { <-busy }
		f.rest = make(chan struct{})
		start(f, cc)
		close(f.rest)
		synctest.Wait() // all has been read that will be
		if f.sent != n {
			t.Errorf("%d of %d updates have been read while grpc is busy", f.sent, n)
		}
		close(busy)
		synctest.Wait()
		if len(cc.told) != 2 || cc.told[0] != "[a1]" || len(strings.Fields(cc.told[1])) != n {
			t.Errorf("grpc was told %d times, want of the first list and of the newest", len(cc.told))
		}
	})
}
