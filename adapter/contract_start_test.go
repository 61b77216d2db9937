package adapter

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Contract: "Target given to Resolve / Start: the same bytes, query, fragment and
// escapes included", and "Start / Resolve is called inside Dial". RPCs work whatever
// the target looks like: the resolver alone makes sense of it. What 1.29.1 passed on
// is worked out in internal/endpoint; here it is seen to arrive, without any waiting.
func TestContractTarget(t *testing.T) {
	b := startBackends(t, 1)
	targets := map[string]string{
		"passthrough:///svc":          "svc",
		"passthrough:///foo.bar.com":  "foo.bar.com",
		"passthrough:////unix/socket": "/unix/socket",
		"dns:///svc":                  "svc",
		"dns:///svc.test:443?x=%41":   "svc.test:443?x=%41",
		"dns://8.8.8.8/svc":           "svc",
	}
	for _, verbatim := range []string{
		"", "name", "my-service", "a/b/c", "/a/b/c", "/a//b", "svc with spaces", "größe/日本", "a%2Fb%20c",
		"host:443", ":80", "h1:1,h2:2", "127.0.0.1:8500", "127.0.0.1:2379,127.0.0.1:22379", "[::1]:2379", "[2001:db8::1]:443",
		"kubernetes://svc.ns:8080", "kubernetes:///svc.ns:8080", "etcd://etcd.test:2379/svc/v1", "consul://127.0.0.1:8500/svc",
		"http://127.0.0.1:2379", "https://user:password@etcd.test:2379/v2/keys/svc/", "HTTP://Example.COM/Path?q#trail",
		"svc?tag=a&wait=14s", "svc#v1", "svc?tag=a&tag=%2Fb#frag%20ment",
		"dns:svc", "unix:///tmp/a.sock", "unix:relative.sock",
	} {
		targets[verbatim] = verbatim
	}
	for target, want := range targets {
		for name, dial := range map[string]func(string, ...grpc.DialOption) (*grpc.ClientConn, error){
			"Dial": grpc.Dial, "NewClient": grpc.NewClient,
		} {
			r := &scriptResolver{resolve: fixedResolver(addrsOf(b...)).Resolve}
			conn, err := dial(target, grpc.WithTransportCredentials(insecure.NewCredentials()), WithBalancer(RoundRobin(r)))
			if err != nil {
				t.Errorf("%s(%q): %v", name, target, err)
				continue
			}
			conn.Connect() // NewClient has left that out
			if got := r.resolved(); !slices.Equal(got, []string{want}) {
				t.Errorf("after %s(%q) Resolve has got %q, want %q", name, target, got, want)
			}
			call(t, conn)
			conn.Close()
		}
	}
}

// Contract: "Resolve fails: Dial succeeds, RPCs say Unavailable with the resolver's
// error, retried with backoff". Resolvers that ask their name system over gRPC, as
// etcd's, return statuses. They are about the name system, not about the RPC, which
// is Unavailable, or waits.
func TestContractResolveFails(t *testing.T) {
	b := startBackends(t, 1)
	const text = "etcdserver: not now"
	for _, reason := range []error{
		errors.New(text),
		status.Error(codes.Unavailable, text),
		status.Error(codes.Canceled, text),
		status.Error(codes.NotFound, text),
		status.Error(codes.PermissionDenied, text),
		status.Error(codes.DeadlineExceeded, text),
	} {
		t.Run(status.Code(reason).String(), func(t *testing.T) {
			var works atomic.Bool
			conn := dial(t, "svc", WithBalancer(RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) {
				if !works.Load() {
					return nil, reason
				}
				return fixedResolver{b[0].Addr()}.Resolve("")
			}})))
			mustBeUnavailable(t, conn, text)
			done := waitingRPC(t, conn, grpc.FailFast(false))
			works.Store(true)
			mustSucceed(t, done)
		})
	}
}

// The same row: the delays grow, so that a name system that is down is not
// asked all the time.
func TestContractResolveFailsBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, w := 0, newScriptWatcher()
		b := startByHand(t, &scriptResolver{resolve: func(string) (naming.Watcher, error) {
			if calls++; calls == 1 {
				return w, nil
			}
			return nil, fmt.Errorf("down %d", calls)
		}})
		w.fail(t, errors.New("down"))
		time.Sleep(10 * time.Minute) // of the bubble's time
		synctest.Wait()
		if calls < 30 || calls > 90 { // some of them in the first minute
			t.Errorf("Resolve was called %d times in ten minutes, want about one in %v", calls, lastRetry)
		}
		if got, want := refusal(t, b), fmt.Sprint("down ", calls); !strings.HasSuffix(got, want) {
			t.Errorf("Get says %q, want the newest reason, %q", got, want)
		}
		b.Close()
		before := calls
		time.Sleep(time.Hour)
		if calls != before {
			t.Error("Resolve is called after Close")
		}
	})
}

// Contract: "Notify returns nil: the same", the target is the only address. This
// is also what RoundRobin(nil) means.
func TestContractNotifyNil(t *testing.T) {
	b := startBackends(t, 1)
	for _, balancer := range []Balancer{RoundRobin(nil), &scriptBalancer{}} {
		conn := dial(t, b[0].Addr(), WithBalancer(balancer))
		call(t, conn, grpc.WaitForReady(true))
	}
}

// Contract: "Notify is closed before any list: RPCs fail with the error of Get".
func TestContractNotifyClosed(t *testing.T) {
	conn := dial(t, "svc", WithBalancer(&scriptBalancer{notify: closedList, get: func() (Address, func(), error) {
		return Address{}, nil, status.Error(codes.Unavailable, "nobody here")
	}}))
	mustBeUnavailable(t, conn, "nobody here")
}

// Contract: "One Resolver under two Balancers: works", and "One RoundRobin under two
// ClientConns at a time: each has its own": DialOptions kept in a variable were used
// for several Dials.
func TestContractTwoConns(t *testing.T) {
	b := startBackends(t, 2)
	for name, options := range map[string]func(r naming.Resolver) (one, two grpc.DialOption){
		"one Resolver": func(r naming.Resolver) (one, two grpc.DialOption) {
			return WithBalancer(RoundRobin(r)), WithBalancer(RoundRobin(r))
		},
		"one RoundRobin in two options": func(r naming.Resolver) (one, two grpc.DialOption) {
			rr := RoundRobin(r)
			return WithBalancer(rr), WithBalancer(rr)
		},
		"one option": func(r naming.Resolver) (one, two grpc.DialOption) {
			option := WithBalancer(RoundRobin(r))
			return option, option
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := &scriptResolver{}
			option, another := options(r)
			one, two := dial(t, "one", option), dial(t, "two", another)
			r.watcher(t, 0).send(t, add(b[0].Addr())...)
			r.watcher(t, 1).send(t, add(b[1].Addr())...)
			callAll(t, one, b[0])
			callAll(t, two, b[1])
			one.Close()
			callAll(t, two, b[1])
			if got := r.resolved(); !slices.Equal(got, []string{"one", "two"}) {
				t.Errorf("Resolve got %q", got)
			}
		})
	}
}

func TestNilBalancerAndResolver(t *testing.T) {
	var typedNil *scriptResolver
	givesNil := &scriptResolver{resolve: func(string) (naming.Watcher, error) { return nil, nil }}
	for want, option := range map[string]grpc.DialOption{ // want is in the error of Dial or of the RPC
		"nil Balancer":                    WithBalancer(nil),
		"naming.Resolver is nil":          grpc.WithResolvers(NewBuilder("", nil)),
		"scriptResolver.Resolve panicked": WithBalancer(RoundRobin(typedNil)),
		"neither a watcher nor an error":  WithBalancer(RoundRobin(givesNil)),
	} {
		conn, err := grpc.Dial("svc", grpc.WithInsecure(), option)
		if err == nil {
			_, err = backend.Call(testContext(t), conn)
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// What a Balancer's Start is given, for connections of its own: credentials, which
// v1.29.1 had none of for an insecure ClientConn, and always a dialer.
func TestBalancerConfig(t *testing.T) {
	b := startBackends(t, 1)
	for name, test := range map[string]struct {
		opts []grpc.DialOption
		want string // protocol and server name
	}{
		"insecure":      {opts: []grpc.DialOption{grpc.WithInsecure()}},
		"with a dialer": {opts: []grpc.DialOption{grpc.WithInsecure(), grpc.WithContextDialer(backendDialer)}},
		"TLS": {[]grpc.DialOption{
			grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{ServerName: "svc.test"})),
		}, "tls svc.test"},
	} {
		t.Run(name, func(t *testing.T) {
			var config BalancerConfig
			start := func(_ string, c BalancerConfig) error { config = c; return nil }
			conn, err := grpc.Dial("127.0.0.1:1", append(test.opts, WithBalancer(&scriptBalancer{start: start}))...)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			got := ""
			if config.DialCreds != nil {
				info := config.DialCreds.Info()
				got = info.SecurityProtocol + " " + info.ServerName
			}
			if got != test.want {
				t.Errorf("DialCreds are for %q, want %q", got, test.want)
			}
			c, err := config.Dialer(context.Background(), b[0].Addr())
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
		})
	}
}
