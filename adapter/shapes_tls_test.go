package adapter

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// testCA makes a certificate for one name, and a pool that trusts it.
func testCA(t *testing.T, name string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return pool, tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// The name in the certificate is that of ServerName, or else of the target, and
// never that of an address.
func TestShapeTLS(t *testing.T) {
	const name = "svc.test"
	pool, cert := testCA(t, name)
	creds := grpc.Creds(credentials.NewServerTLSFromCert(&cert))
	b := []*backend.Backend{startBackendWith(t, creds), startBackendWith(t, creds)}
	for _, test := range []struct{ target, serverName, want string }{
		{target: "", serverName: name},
		{target: "other", serverName: name},
		{target: "consul://other.ns:443", serverName: name},
		{target: name},
		{target: name + ":443"},
		{target: "passthrough:///" + name},
		{target: "", want: "ServerName"},
		{target: "other", want: "not other"},
		{target: name, serverName: "other", want: "not other"},
	} {
		t.Run(test.target+" with ServerName "+test.serverName, func(t *testing.T) {
			conn, err := grpc.Dial(test.target, WithBalancer(RoundRobin(fixedResolver(addrsOf(b...)))),
				grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: test.serverName})))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if test.want == "" {
				callAll(t, conn, b...)
				return
			}
			mustBeUnavailable(t, conn, "handshake failed", test.want)
		})
	}
}
