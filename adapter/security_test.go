package adapter

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcmetadata "google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/naming"
)

// hostileUpdates is a catalogue that would like to be somebody else.
func hostileUpdates() map[string]*naming.Update {
	const evil = "evil.test"
	updates := map[string]*naming.Update{
		"AddrMetadataGRPCLB":           addWith("h:443", naming.AddrMetadataGRPCLB{AddrType: naming.Backend, ServerName: evil}),
		"pointer to it":                addWith("h:443", &naming.AddrMetadataGRPCLB{AddrType: naming.GRPCLB, ServerName: evil}),
		"Metadata like an option":      addWith("h:443", map[string]string{"ServerName": evil, ":authority": evil, "authority": evil}),
		"Metadata that is TLS config":  addWith("h:443", &tls.Config{ServerName: evil, InsecureSkipVerify: true}),
		"Metadata that is credentials": addWith("h:443", credentials.NewTLS(&tls.Config{ServerName: evil, InsecureSkipVerify: true})),
		"Metadata that is a string":    addWith("h:443", evil),
	}
	for _, addr := range []string{
		"evil.test:443", "evil.test", "[evil.test]:443", "evil.test/svc.test:443", "evil.test@svc.test:443", "svc.test@evil.test:443",
		"dns:///evil.test:443", "passthrough:///evil.test", "//evil.test/x:443", "https://evil.test:443", "evil.test:443?authority=evil.test#x",
		"unix:evil.test", "unix:///evil.test", "unix-abstract:evil.test", "\x00evil.test", "evil.test\r\n:authority: evil.test:443", " ", "%65vil.test:443",
	} {
		updates["address "+addr] = add(addr)[0]
	}
	return updates
}

// The catalogue says where RPCs go, and not whom they take for the right one: the
// name in the certificate and the :authority are the dial target's or those of
// the caller's options, whatever addresses and Metadata say.
func TestCatalogueSetsNoName(t *testing.T) {
	const name = "svc.test"
	var authority atomic.Value // of the last RPC
	record := grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, h grpc.UnaryHandler) (any, error) {
		md, _ := grpcmetadata.FromIncomingContext(ctx)
		authority.Store(strings.Join(md.Get(":authority"), " "))
		return h(ctx, req)
	})
	start := func(serverOpts ...grpc.ServerOption) *backend.Backend {
		b, err := backend.Start(append(serverOpts, record)...)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Stop)
		return b
	}
	_, evilCert := testCA(t, "evil.test")
	pool, cert := testCA(t, name)
	pool.AddCert(evilCert.Leaf) // trusted, too: only the name is wrong
	good := start(grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
	evil := start(grpc.Creds(credentials.NewServerTLSFromCert(&evilCert)))
	plain := start()

	tlsFor := func(serverName string) grpc.DialOption {
		return grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: serverName}))
	}
	guards := map[string]struct {
		target string
		opts   []grpc.DialOption
		tls    bool
	}{
		"ServerName":    {"other", []grpc.DialOption{tlsFor(name)}, true},
		"WithAuthority": {"other", []grpc.DialOption{tlsFor(""), grpc.WithAuthority(name)}, true},
		"target":        {name, []grpc.DialOption{tlsFor("")}, true},
		"no TLS":        {name, []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, false},
	}
	for what, update := range hostileUpdates() {
		always := &scriptResolver{resolve: func(string) (naming.Watcher, error) { return fixed(update), nil }}
		for guard, g := range guards {
			for road, dialled := range map[string]struct {
				target string
				opt    grpc.DialOption
			}{
				"WithBalancer": {g.target, WithBalancer(RoundRobin(always))},
				"NewBuilder":   {"catalogue:///" + g.target, grpc.WithResolvers(NewBuilder("catalogue", always))},
			} {
				call := func(b *backend.Backend) error {
					conn, err := grpc.Dial(dialled.target, append([]grpc.DialOption{dialled.opt,
						// Wherever the address leads, b is there.
						grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return backendDialer(ctx, b.Addr()) }),
					}, g.opts...)...)
					if err != nil {
						t.Fatal(err)
					}
					defer conn.Close()
					_, err = backend.Call(testContext(t), conn)
					return err
				}
				right := plain
				if g.tls {
					right = good
					err := call(evil)
					if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "not "+name) {
						t.Errorf("%s, %s, %s: the wrong backend: %v, want a certificate that is not for %s", what, guard, road, err, name)
					}
				}
				if err := call(right); err != nil {
					t.Errorf("%s, %s, %s: %v", what, guard, road, err)
					continue
				}
				if got := authority.Swap(""); got != name {
					t.Errorf("%s, %s, %s: :authority %q, want %q", what, guard, road, got, name)
				}
			}
		}
	}
}
