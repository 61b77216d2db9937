package droptest

import (
	"path/filepath"
	"testing"
)

// The dependency is what compiled before.
func TestHostlistIsOfV1291(t *testing.T) {
	p := copied(t, "hostlist")
	p.requireGRPC("v1.29.1")
	p.run("build", "-mod=mod", ".")
}

func TestReplace(t *testing.T) {
	p := copied(t, "hosts")
	p.edit()
	p.run("mod", "tidy")
	p.balances()
	t.Run("vendor", func(t *testing.T) {
		p := *p
		p.t = t
		p.run("mod", "vendor")
		p.balances("-mod=vendor")
	})
	// And none of it would do without.
	p.run("mod", "edit", "-dropreplace=google.golang.org/grpc/naming", "-droprequire=google.golang.org/grpc/naming")
	p.fails([]string{"build", "-mod=readonly", "."}, "module providing package google.golang.org/grpc/naming: ")
}

func TestWorkspace(t *testing.T) {
	p := copied(t, "hosts")
	p.gowork = ""
	p.run("work", "init", ".", p.checkout, filepath.Join(p.checkout, "naming", "dropin"))
	p.requireGRPC(grpcVersion)
	p.balances()
}
