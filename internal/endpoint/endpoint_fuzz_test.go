package endpoint_test

import (
	"context"
	"errors"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/testlog"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

var logged *testlog.Log

func TestMain(m *testing.M) {
	logged = testlog.Capture()
	goleak.VerifyTestMain(m)
}

// FuzzTarget dials any target with grpc.Dial and grpc.NewClient: a Balancer is
// given the very bytes that v1.29.1 gave it, or grpc refuses the target. What is
// lost on the way is what docs/contract.md lists under "Lost", and nothing else.
func FuzzTarget(f *testing.F) {
	for _, target := range []string{
		"", "svc", "a/b/c", "/a", "//host/path", "//user@host/path", "svc?q#f", "svc?", "svc#", "a%2fb", "a b", "*", "grüße", "%zz",
		"dns:svc", "dns:/svc", "dns:///svc", "dns:////svc", "DNS:///svc", "dns://8.8.8.8/svc:80?q=%41#f", "dns://svc?q",
		"passthrough:///h1:1,h2:2", "passthrough:///http://127.0.0.1:2379", "passthrough:///%zz",
		"unix:///tmp/a.sock", "unix:/tmp/a.sock", "unix:a.sock", "unix-abstract:a", "unix://host/tmp/a.sock",
		"legacy:///svc?tag=a", "host:80", "[::1]:80", "127.0.0.1:80", "//h%41st/p", "x://", "://a", ":", "//u%41:p@h/",
	} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		if len(target) > 1<<12 {
			return
		}
		defer logged.Drop()()
		insecure := grpc.WithTransportCredentials(insecure.NewCredentials())
		var b targetBalancer
		conn, err := grpc.Dial(target, adapter.WithBalancer(&b), insecure)
		if err == nil {
			conn.Close()
		}
		checkTarget(t, "Dial", "passthrough", target, b.target, err)

		b = targetBalancer{}
		conn, err = grpc.NewClient(target, adapter.WithBalancer(&b), insecure)
		if err == nil {
			if conn.Connect(); b.target == nil {
				_, rpcErr := backend.Call(testwait.Context(t), conn)
				if rpcErr != nil && strings.Contains(rpcErr.Error(), "delegating_resolver") {
					conn.Close()
					return // lost: today's grpc wants host:port behind "dns:///"
				}
			}
			conn.Close()
		}
		checkTarget(t, "NewClient", "dns", target, b.target, err)
	})
}

// targetBalancer records the target of Start, and refuses to start.
type targetBalancer struct{ target *string }

func (b *targetBalancer) Start(target string, _ adapter.BalancerConfig) error {
	b.target = &target
	return errors.New("not here")
}

func (*targetBalancer) Up(adapter.Address) func(error)   { return nil }
func (*targetBalancer) Notify() <-chan []adapter.Address { return nil }
func (*targetBalancer) Close() error                     { return nil }

func (*targetBalancer) Get(context.Context, adapter.BalancerGetOptions) (adapter.Address, func(), error) {
	return adapter.Address{}, nil, errors.New("not here")
}

// checkTarget looks at what became of target: at got, which is nil if Start has
// not been called, and err.
func checkTarget(t *testing.T, how, defaultScheme, target string, got *string, err error) {
	t.Helper()
	if err != nil {
		if _, behind := url.Parse(defaultScheme + ":///" + target); behind == nil { // otherwise it is no URL: lost
			t.Fatalf("%s(%q): %v", how, target, err)
		}
		return
	}
	if got == nil {
		t.Fatalf("%s(%q) calls no Start", how, target)
	}
	if _, err := url.Parse(target); err != nil && *got == target {
		return // lost: no URL, and grpc does not see its scheme
	}
	arrives := []string{target}
	for _, lose := range []func(string) string{emptyFragment, emptyHost, schemeCase, star} {
		for _, a := range arrives {
			arrives = append(arrives, lose(a))
		}
	}
	for _, a := range arrives {
		if want := target1291(a); *got == want || hostUnescaped(*got) == hostUnescaped(want) {
			return
		}
	}
	t.Fatalf("%s(%q) calls Start(%q), want %q", how, target, *got, target1291(target))
}

// target1291 is what v1.29.1 gave to Start: internal/grpcutil/target.go there,
// and the fallback of clientconn.go for a scheme without resolver.
func target1291(target string) string {
	scheme, rest, ok := strings.Cut(target, "://")
	if !ok || !slices.Contains([]string{"passthrough", "dns"}, scheme) {
		return target
	}
	if _, endpoint, ok := strings.Cut(rest, "/"); ok {
		return endpoint
	}
	return target
}

// What follows are the losses.

var (
	fragment = regexp.MustCompile(`#$`)
	noHost   = regexp.MustCompile(`^//([?#]|$)`)
	noPath   = regexp.MustCompile(`^([^:]*):([?#]|$)`)
	onlyStar = regexp.MustCompile(`^%2A(#|$)`)
)

func emptyFragment(target string) string { return fragment.ReplaceAllString(target, "") }
func star(target string) string          { return onlyStar.ReplaceAllString(target, "*$1") }

func emptyHost(target string) string {
	return noPath.ReplaceAllString(noHost.ReplaceAllString(target, "$1"), "$1://$2")
}

func schemeCase(target string) string {
	scheme, rest, ok := strings.Cut(target, ":")
	if !ok {
		return target
	}
	return strings.ToLower(scheme) + ":" + rest
}

func hostUnescaped(target string) string {
	before, rest, ok := strings.Cut(target, "//")
	if !ok || before != "" && before[len(before)-1] != ':' {
		return target
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, err := url.PathUnescape(rest[:end])
	if err != nil {
		return target
	}
	return before + "//" + host + rest[end:]
}
