package etcd

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

// The program with each client: as its users have it, and after one command, with
// today's grpc-go.
func TestClients(t *testing.T) {
	migrate := buildMigrate(t)
	for _, c := range clients {
		t.Run(c.name, func(t *testing.T) {
			before, after := t.TempDir(), t.TempDir()
			t.Run("as it was", func(t *testing.T) {
				c.write(t, before)
				exe := build(t, before)
				followBackends(t, exe)
				secure(t, exe)
				table.add(column{c.name + " as it was", failover(t, exe), 0})
			})
			t.Run("migrated", func(t *testing.T) {
				c.write(t, after)
				began := time.Now()
				t.Log(run(t, after, migrate, "migrate", "-w", "-replace", root(t)))
				took := time.Since(began)
				exe := build(t, after)
				followBackends(t, exe)
				secure(t, exe)
				r := failover(t, exe)
				r.check(t)
				table.add(column{c.name + " migrated", r, took})
			})
		})
	}
}

// followBackends lets clientv3/naming drive RoundRobin: see program/naming.go.
func followBackends(t *testing.T, exe string) {
	t.Helper()
	c := startCluster(t, "http")
	if a := start(t, exe, c.endpoints(), "naming").read(); a.Goroutines > 0 {
		t.Errorf("%d goroutines are left:\n%s", a.Goroutines, a.Stacks)
	}
}

// buildMigrate returns the command, built from this checkout.
func buildMigrate(t *testing.T) string {
	t.Helper()
	exe := filepath.Join(t.TempDir(), "grpcnaming.exe")
	run(t, root(t), "go", "build", "-o", exe, "./cmd/grpcnaming")
	return exe
}

// root is the checkout that this is in.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "adapter")); err != nil {
		t.Fatal(err)
	}
	return dir
}
