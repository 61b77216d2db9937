package adapter

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// Contract: "Target given to Resolve / Start: the same bytes, query, fragment
// and escapes included".
func TestContractTargetVerbatim(t *testing.T) {
	// What 1.29.1 passes on is worked out in internal/endpoint; here it is seen
	// to arrive, through Dial and NewClient.
	targets := map[string]string{
		"":                                "",
		"my-service":                      "my-service",
		"a/b/c":                           "a/b/c",
		"/a//b":                           "/a//b",
		"host:443":                        "host:443",
		":80":                             ":80",
		"h1:1,h2:2":                       "h1:1,h2:2",
		"kubernetes://svc.ns:8080":        "kubernetes://svc.ns:8080",
		"kubernetes:///svc.ns:8080":       "kubernetes:///svc.ns:8080",
		"http://127.0.0.1:2379":           "http://127.0.0.1:2379",
		"svc?tag=a&tag=%2Fb#frag%20ment":  "svc?tag=a&tag=%2Fb#frag%20ment",
		"größe/日本":                        "größe/日本",
		"a%2Fb":                           "a%2Fb",
		"passthrough:///foo.bar.com":      "foo.bar.com",
		"passthrough:////unix/socket":     "/unix/socket",
		"dns:///svc:80?x=%41":             "svc:80?x=%41",
		"dns://8.8.8.8/svc":               "svc",
		"dns:svc":                         "dns:svc",
		"unix:///tmp/a.sock":              "unix:///tmp/a.sock",
		"unix:relative.sock":              "unix:relative.sock",
		"[2001:db8::1]:443":               "[2001:db8::1]:443",
		"HTTP://Example.COM/Path?q#trail": "HTTP://Example.COM/Path?q#trail",
	}
	for target, want := range targets {
		r := &scriptResolver{}
		dial(t, target, WithBalancer(RoundRobin(r)))
		if got := r.resolved(); !slices.Equal(got, []string{want}) {
			t.Errorf("Dial(%q): Resolve got %q, want %q", target, got, want)
		}
		r = &scriptResolver{}
		conn, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()), WithBalancer(RoundRobin(r)))
		if err != nil {
			t.Errorf("NewClient(%q): %v", target, err)
			continue
		}
		conn.Connect()
		if got := r.resolved(); !slices.Equal(got, []string{want}) {
			t.Errorf("NewClient(%q): Resolve got %q, want %q", target, got, want)
		}
		conn.Close()
	}
}

// Contract: "When Start/Resolve is called: inside Dial (first attempt)". That is
// while Dial waits; since grpc-go v1.64 grpc runs it on a goroutine of its own.
func TestContractResolveInsideDial(t *testing.T) {
	r := &scriptResolver{}
	dial(t, "svc", WithBalancer(RoundRobin(r)))
	if got := r.resolved(); len(got) != 1 { // no waiting here
		t.Fatalf("after Dial Resolve has been called for %q, want it called once", got)
	}
}

// Contract: "Resolve fails: Dial succeeds, RPCs say Unavailable with the
// resolver's error, retried with backoff".
func TestContractResolveFails(t *testing.T) {
	b := startBackends(t, 1)
	good := &scriptResolver{}
	reason := errors.New("etcd: no such cluster")
	calls := 0
	r := &scriptResolver{}
	r.resolve = func(target string) (naming.Watcher, error) {
		if calls++; calls == 1 {
			return nil, reason
		}
		return good.Resolve(target)
	}
	conn := dial(t, "svc", WithBalancer(RoundRobin(r)))
	_, err := backend.Call(testContext(t), conn)
	if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), reason.Error()) {
		t.Fatalf("RPC: %v, want Unavailable with %q", err, reason)
	}
	good.watcher(t, 0).send(t, add(b[0].Addr())...)
	if got := call(t, conn, grpc.WaitForReady(true)); got != b[0].Addr() {
		t.Fatalf("answered by %s, want %s", got, b[0].Addr())
	}
}

// The same row: the delays grow, so that a name system that is down is not
// asked all the time.
func TestContractResolveFailsBackoff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls, w := 0, newScriptWatcher()
		r := &scriptResolver{resolve: func(string) (naming.Watcher, error) {
			if calls++; calls == 1 {
				return w, nil
			}
			return nil, fmt.Errorf("down %d", calls)
		}}
		rr := RoundRobin(r)
		if err := rr.Start("svc", BalancerConfig{}); err != nil {
			t.Fatal(err)
		}
		w.fail(t, errors.New("down"))
		time.Sleep(10 * time.Minute) // of the bubble's time
		synctest.Wait()
		if calls < 10 || calls > 60 {
			t.Errorf("Resolve was called %d times in ten minutes, want about one in %v", calls, lastRetry)
		}
		if got, want := refusal(t, rr), fmt.Sprint("down ", calls); !strings.HasSuffix(got, want) {
			t.Errorf("Get says %q, want the newest reason, %q", got, want)
		}
		if err := rr.Close(); err != nil {
			t.Error(err)
		}
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
	for name, balancer := range map[string]Balancer{
		"RoundRobin(nil)": RoundRobin(nil),
		"custom":          &scriptBalancer{get: func() (Address, func(), error) { return Address{Addr: b[0].Addr()}, nil, nil }},
	} {
		conn := dial(t, b[0].Addr(), WithBalancer(balancer))
		if got := call(t, conn, grpc.WaitForReady(true)); got != b[0].Addr() {
			t.Errorf("%s: answered by %s, want %s", name, got, b[0].Addr())
		}
	}
}

// Contract: "Notify is closed before any list: RPCs fail with the error of Get".
func TestContractNotifyClosed(t *testing.T) {
	balancer := &scriptBalancer{
		notify: func() <-chan []Address {
			lists := make(chan []Address)
			close(lists)
			return lists
		},
		get: func() (Address, func(), error) {
			return Address{}, nil, status.Error(codes.Unavailable, "nobody here")
		},
	}
	conn := dial(t, "svc", WithBalancer(balancer))
	if _, err := backend.Call(testContext(t), conn); status.Code(err) != codes.Unavailable || !strings.HasSuffix(err.Error(), "nobody here") {
		t.Errorf("RPC: %v, want what Get says", err)
	}
}

// Contract: "One Resolver under two Balancers: works".
func TestContractResolverUnderTwoBalancers(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	one := dial(t, "one", WithBalancer(RoundRobin(r)))
	two := dial(t, "two", WithBalancer(RoundRobin(r)))
	r.watcher(t, 0).send(t, add(b[0].Addr())...)
	r.watcher(t, 1).send(t, add(b[1].Addr())...)
	callAll(t, one, b[0])
	callAll(t, two, b[1])
}

// Contract: "One RoundRobin dialled again after Close: works".
func TestContractRoundRobinDialledAgain(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	option := WithBalancer(RoundRobin(r))
	for i := range b {
		conn := dial(t, "svc", option)
		r.watcher(t, i).send(t, add(b[i].Addr())...)
		callAll(t, conn, b[i]) // and none of the life before
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// DialOptions kept in a variable were used for several Dials at a time.
func TestOneRoundRobinUnderTwoConns(t *testing.T) {
	b := startBackends(t, 2)
	r := &scriptResolver{}
	options := []grpc.DialOption{WithBalancer(RoundRobin(r))}
	one, two := dial(t, "one", options...), dial(t, "two", options...)
	r.watcher(t, 0).send(t, add(b[0].Addr())...)
	r.watcher(t, 1).send(t, add(b[1].Addr())...)
	callAll(t, one, b[0])
	callAll(t, two, b[1])
	one.Close()
	callAll(t, two, b[1])
	if got := r.resolved(); !slices.Equal(got, []string{"one", "two"}) {
		t.Errorf("Resolve got %q", got)
	}
}

func TestNilBalancerAndResolver(t *testing.T) {
	var typedNil *scriptResolver
	for name, test := range map[string]struct {
		option grpc.DialOption
		want   string // in the error of Dial or of the RPC
	}{
		"nil Balancer":               {WithBalancer(nil), "nil Balancer"},
		"nil Resolver in NewBuilder": {grpc.WithResolvers(NewBuilder("legacy", nil)), "naming.Resolver is nil"},
		"nil pointer as Resolver":    {WithBalancer(RoundRobin(typedNil)), "scriptResolver.Resolve panicked"},
		"Resolver that gives nil": {WithBalancer(RoundRobin(&scriptResolver{resolve: func(string) (naming.Watcher, error) { return nil, nil }})),
			"neither a watcher nor an error"},
	} {
		t.Run(name, func(t *testing.T) {
			target := "svc"
			if strings.Contains(name, "NewBuilder") {
				target = "legacy:///svc"
			}
			conn, err := grpc.Dial(target, grpc.WithInsecure(), test.option)
			if err == nil {
				defer conn.Close()
				_, err = backend.Call(testContext(t), conn)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// What a Balancer's Start is given: v1.29.1 passed no credentials for an
// insecure ClientConn, and always a dialer.
func TestBalancerConfig(t *testing.T) {
	for _, withDialer := range []bool{false, true} {
		var config BalancerConfig
		b := &scriptBalancer{start: func(_ string, c BalancerConfig) error { config = c; return nil }}
		opts := []grpc.DialOption{WithBalancer(b)}
		if withDialer {
			opts = append(opts, grpc.WithContextDialer(backendDialer))
		}
		dial(t, "127.0.0.1:1", opts...)
		if config.DialCreds != nil {
			t.Errorf("DialCreds = %v, want nil", config.DialCreds)
		}
		if config.Dialer == nil {
			t.Fatal("no Dialer")
		}
		be := startBackends(t, 1)[0]
		c, err := config.Dialer(context.Background(), be.Addr())
		if err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
}
