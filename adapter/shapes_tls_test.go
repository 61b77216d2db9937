package adapter

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/grpcnaming/grpcnaming/internal/backend"
)

// testCA makes a CA and a server certificate from it for one name.
func testCA(t *testing.T, name string) (*x509.CertPool, tls.Certificate) {
	t.Helper()
	sign := func(template, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) *x509.Certificate {
		template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, parentKey)
		if err != nil {
			t.Fatal(err)
		}
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	newKey := func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	caKey, key := newKey(), newKey()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test CA"},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	ca = sign(ca, ca, caKey, caKey)
	leaf := sign(&x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}, ca, key, caKey)
	pool := x509.NewCertPool()
	pool.AddCert(ca)
	return pool, tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: key, Leaf: leaf}
}

// The name in the certificate is that of ServerName, or else of the target, and
// never that of an address.
func TestShapeTLS(t *testing.T) {
	const name = "svc.test"
	pool, cert := testCA(t, name)
	var addrs fixedResolver
	var backends []*backend.Backend
	for range 2 {
		b, err := backend.Start(grpc.Creds(credentials.NewServerTLSFromCert(&cert)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(b.Stop)
		backends, addrs = append(backends, b), append(addrs, b.Addr())
	}
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
			conn, err := grpc.Dial(test.target, WithBalancer(RoundRobin(addrs)),
				grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: pool, ServerName: test.serverName})))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if test.want == "" {
				callAll(t, conn, backends...)
				return
			}
			_, err = backend.Call(testContext(t), conn)
			if status.Code(err) != codes.Unavailable || !strings.Contains(err.Error(), "handshake failed") || !strings.Contains(err.Error(), test.want) {
				t.Errorf("RPC: %v, want Unavailable because of a handshake, with %q", err, test.want)
			}
		})
	}
}

// A Balancer that has a connection of its own gets the credentials for it.
func TestShapeTLSBalancerConfig(t *testing.T) {
	var config BalancerConfig
	b := &scriptBalancer{start: func(_ string, c BalancerConfig) error { config = c; return nil }}
	conn, err := grpc.Dial("127.0.0.1:1", WithBalancer(b), grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{ServerName: "svc.test"})))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if config.DialCreds == nil || config.DialCreds.Info().SecurityProtocol != "tls" || config.DialCreds.Info().ServerName != "svc.test" {
		t.Errorf("DialCreds = %+v, want those for TLS with svc.test", config.DialCreds)
	}
}
