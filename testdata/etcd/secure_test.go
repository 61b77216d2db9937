package etcd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// secure lets the program use members with TLS that ask for a password. One that was
// killed does not know the tokens that it has given: etcd's client sees that by the
// error of the first put, and asks for another. See program/secure.go.
func secure(t *testing.T, exe string) {
	t.Helper()
	c := startCluster(t, "https")
	var endpoints []string
	var all []byte
	for _, m := range c {
		endpoints = append(endpoints, "https://"+m.addr)
		cert, err := os.ReadFile(filepath.Join(m.dir, "data", "fixtures", "client", "cert.pem"))
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, cert...)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, all, 0o666); err != nil {
		t.Fatal(err)
	}
	p := start(t, exe, strings.Join(endpoints, ","), "secure", ca)
	t.Logf("TLS and a password with grpc-go %s", p.read().GRPC)
	p.ask("put")
	for _, m := range c {
		t.Logf("%s is killed, and comes back without tokens", m.args[0])
		if err := m.kill(); err != nil {
			t.Fatal(err)
		}
		if err := m.start(); err != nil {
			t.Fatal(err)
		}
		p.ask("put")
	}
	a := p.ask("quit")
	if got, want := a.Probes["nobody"], "etcdserver: user name is empty"; got != want {
		t.Errorf("without a password: %q, want %q", got, want)
	}
	if got, want := a.Probes["wrong"], "etcdserver: authentication failed, invalid user ID or password"; got != want {
		t.Errorf("with a wrong password: %q, want %q", got, want)
	}
	if a.Goroutines > 0 {
		t.Errorf("%d goroutines are left:\n%s", a.Goroutines, a.Stacks)
	}
}
