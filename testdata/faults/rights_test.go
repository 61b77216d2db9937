package faults

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/internal/backend"
	"github.com/grpcnaming/grpcnaming/internal/consulagent"
	"github.com/grpcnaming/grpcnaming/internal/testwait"
)

const (
	master   = "11111111-1111-4111-8111-111111111111" // may do everything
	reader   = "22222222-2222-4222-8222-222222222222"
	aclRules = `acl { enabled = true default_policy = "deny" token_ttl = "0s" policy_ttl = "0s" role_ttl = "0s" tokens { initial_management = "` + master + `" } }`
)

// rights lets the reader's token read what rules say.
func rights(t *testing.T, agent *consulagent.Agent, rules string) {
	t.Helper()
	acl := agent.Client().ACL()
	var err error
	unlabelled(func() {
		var policy *api.ACLPolicy
		if policy, _, err = acl.PolicyReadByName("reader", nil); err == nil && policy != nil {
			policy.Rules = rules
			_, _, err = acl.PolicyUpdate(policy, nil)
			return
		}
		if policy, _, err = acl.PolicyCreate(&api.ACLPolicy{Name: "reader", Rules: rules}, nil); err == nil {
			_, _, err = acl.TokenCreate(&api.ACLToken{SecretID: reader, Policies: []*api.ACLLink{{ID: policy.ID}}}, nil)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
}

const (
	mayRead        = `service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }`
	mayReadNothing = `key "nothing" { policy = "read" }`
)

// shortWait is for a right that is taken away: a query that the agent holds goes on
// with the rights that it came with until its wait is over.
var shortWait = consulnaming.QueryOptions(&api.QueryOptions{WaitTime: time.Second})

// A right that is taken away takes no address with it, and one that is given later
// is used.
func TestRights(t *testing.T) {
	t.Parallel()
	agent := startAgent(t, consulagent.Config{Token: master, ExtraHCL: aclRules})
	rights(t, agent, mayRead)
	t.Run("taken away and given again", func(t *testing.T) {
		tr := newTrial(t, "ACL: right taken away and given again")
		tr.at(inCatalog{agent.Client(), tr.service})
		tr.serve(3)
		tr.dial(source{client: tr.client(api.Config{Address: agent.Address(), Token: reader}), options: []consulnaming.Option{shortWait}})
		tr.begin()
		rights(t, agent, mayReadNothing)
		tr.met(testwait.Patience)
		time.Sleep(span(time.Second, 30*time.Second))
		tr.over(func() { rights(t, agent, mayRead) })
	})

	acl := agent.Client().ACL()
	token := func(t *testing.T, change func() error) {
		t.Helper()
		var err error
		unlabelled(func() { err = change() })
		if err != nil {
			t.Fatal(err)
		}
	}
	policies := []*api.ACLLink{{Name: "reader"}}
	const unknown = "33333333-3333-4333-8333-333333333333"
	for _, c := range []struct {
		name, token   string
		want          [kinds]string
		before, grant func(*testing.T)
	}{
		// Consul answers that there is no instance, and native hands that on. An error
		// beside it would not be shown: round_robin has a text of its own then.
		{"no token", "", [kinds]string{"there is no address available", "no children to pick from"}, func(*testing.T) {}, func(t *testing.T) {
			token(t, func() error {
				_, _, err := acl.TokenUpdate(&api.ACLToken{AccessorID: "00000000-0000-0000-0000-000000000002", Policies: policies}, nil)
				return err
			})
		}},
		{"unknown token", unknown, [kinds]string{"ACL not found", "ACL not found"}, func(*testing.T) {}, func(t *testing.T) {
			token(t, func() error {
				_, _, err := acl.TokenCreate(&api.ACLToken{SecretID: unknown, Policies: policies}, nil)
				return err
			})
		}},
		{"token without rights", reader, [kinds]string{"permission denied", "permission denied"}, func(t *testing.T) { rights(t, agent, mayReadNothing) }, func(t *testing.T) {
			rights(t, agent, mayRead)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			tr := newTrial(t, "ACL: "+c.name+", then a right")
			tr.at(inCatalog{agent.Client(), tr.service})
			tr.serve(3)
			show := tr.hide()
			c.before(t)
			cl := tr.dial(source{client: tr.client(api.Config{Address: agent.Address(), Token: c.token})})
			cl.mustSay(t, c.want)
			show(func() { c.grant(t) })
			granted := time.Now()
			tr.inTime("gRPC had the current set", tr.converge().Sub(granted), soon)
			tr.begin()
			tr.over(func() {})
		})
	}
}

// hide says that clients may not see what is in the catalogue, until show, which
// calls grant; nothing is put there then.
func (tr *trial) hide() (show func(grant func())) {
	tr.t.Helper()
	backends := tr.backends
	tr.backends = nil // no client has to have them from the start
	var hidden map[string]instance
	tr.must(tr.catalogue.change(func(has map[string]instance) {
		hidden = maps.Clone(has)
		clear(has)
	}, func() error { return nil }))
	return func(grant func()) {
		tr.t.Helper()
		tr.backends = backends
		tr.must(tr.catalogue.change(func(has map[string]instance) { maps.Copy(has, hidden) }, func() error {
			grant()
			return nil
		}))
	}
}

// mustSay waits until an RPC on each ClientConn fails and says why, as its kind does. It
// returns how many RPCs of each kind have been made; all have failed.
func (c *client) mustSay(t *testing.T, why [kinds]string) (failed [kinds]int64) {
	t.Helper()
	for _, l := range c.loads {
		testwait.Until(t, "the RPC says why", func() bool {
			_, err := backend.Call(testwait.Context(t), l.conn)
			if err == nil {
				t.Fatalf("%v: an RPC did not fail, want %q", l.kind, why[l.kind])
			}
			failed[l.kind]++
			return strings.Contains(err.Error(), why[l.kind])
		})
	}
	return failed
}

// pki is a certificate authority and what it has signed, in files.
type pki struct {
	dir  string
	ca   *x509.Certificate
	key  *ecdsa.PrivateKey
	next int64
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	p := &pki{dir: t.TempDir(), next: 1}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "CA of " + t.Name()},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	p.ca, p.key = template, nil
	p.sign(t, "ca", template)
	return p
}

// file is where the certificate, or key, of a name is.
func (p *pki) file(name string) string { return filepath.Join(p.dir, name+".pem") }

// sign makes the files name.pem and name-key.pem.
func (p *pki) sign(t *testing.T, name string, template *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if p.key == nil {
		p.key = key
	}
	p.next++
	template.SerialNumber = big.NewInt(p.next)
	der, err := x509.CreateCertificate(rand.Reader, template, p.ca, &key.PublicKey, p.key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{
		p.file(name): {Type: "CERTIFICATE", Bytes: der}, p.file(name + "-key"): {Type: "EC PRIVATE KEY", Bytes: secret},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (p *pki) leaf(t *testing.T, name string, usage x509.ExtKeyUsage) {
	p.sign(t, name, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{usage},
	})
}

// Over TLS clients know their agent, and the agent may know its clients: with a
// wrong CA, or without the certificate that it wants, there is no address, and the
// RPC says why.
func TestTLS(t *testing.T) {
	t.Parallel()
	ours, others := newPKI(t), newPKI(t)
	ours.leaf(t, "server", x509.ExtKeyUsageServerAuth)
	ours.leaf(t, "client", x509.ExtKeyUsageClientAuth)
	strict, open := startTLSAgent(t, ours, true), startTLSAgent(t, ours, false)
	for _, c := range []struct {
		name  string
		agent *consulagent.Agent
		tls   api.TLSConfig
		want  string // in the error of RPCs; empty for none
	}{
		{"TLS", open, api.TLSConfig{CAFile: ours.file("ca")}, ""},
		{"mTLS", strict, api.TLSConfig{CAFile: ours.file("ca"), CertFile: ours.file("client"), KeyFile: ours.file("client-key")}, ""},
		{"no client certificate", strict, api.TLSConfig{CAFile: ours.file("ca")}, "certificate"},
		{"wrong CA", strict, api.TLSConfig{CAFile: others.file("ca"), CertFile: ours.file("client"), KeyFile: ours.file("client-key")}, "certificate"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tr := newTrial(t, "TLS: "+c.name)
			tr.at(inCatalog{c.agent.Client(), tr.service})
			tr.serve(3)
			client := tr.client(api.Config{Address: c.agent.HTTPSAddress(), Scheme: "https", TLSConfig: c.tls})
			cl := tr.dial(source{client: client})
			if c.want == "" {
				tr.begin()
				tr.over(func() {})
				return
			}
			before, _ := goroutines(t.Name())
			r := row{name: tr.name + ": RPCs say why", before: before}
			for k, failed := range cl.mustSay(t, [kinds]string{c.want, c.want}) {
				r.of[k] = &figures{sent: failed, failed: failed, converged: unmeasured}
			}
			r.after, _ = goroutines(t.Name())
			table.add(r)
		})
	}
}

// startTLSAgent starts an agent that speaks HTTPS, and if it is strict only with
// clients whose certificate is p's.
func startTLSAgent(t *testing.T, p *pki, strict bool) *consulagent.Agent {
	t.Helper()
	return startAgent(t, consulagent.Config{HTTPS: true, ExtraHCL: fmt.Sprintf(`
tls { https { ca_file = %q cert_file = %q key_file = %q verify_incoming = %v } }
`, p.file("ca"), p.file("server"), p.file("server-key"), strict)})
}
