package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/grpcnaming/grpcnaming/internal/testproxy"
)

// standIns writes a proxy that serves the archives in testdata/proxy, small
// stand-ins for the modules that programs are built from, and those in more such
// directories.
func standIns(t *testing.T, more ...string) (proxy string) {
	t.Helper()
	var archives []string
	for _, dir := range append([]string{"testdata/proxy"}, more...) {
		found, err := filepath.Glob(dir + "/*.txtar")
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: no archives: %v", dir, err)
		}
		archives = append(archives, found...)
	}
	proxy = t.TempDir()
	if err := testproxy.Write(proxy, archives...); err != nil {
		t.Fatal(err)
	}
	return proxy
}

// standInEnv is what the go command has to have in its environment to use that
// proxy, with a module cache of its own but the build cache, and the standard
// library in it, of whoever runs the tests.
func standInEnv(t *testing.T, proxy string) []string {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return append(testproxy.Env(proxy, t.TempDir()), "GOCACHE="+strings.TrimSpace(string(cache)))
}

// checkoutStandIn is a directory like a checkout of this module, which needs
// nothing but the stand-ins.
func checkoutStandIn(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("testdata/checkout")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// The stand-ins behave as what they stand for: what held programs back holds
// these back, and what helped helps.
func TestStandIns(t *testing.T) {
	env := standInEnv(t, standIns(t))
	const (
		v1291 = "google.golang.org/grpc@v1.29.1"
		v1633 = "google.golang.org/grpc@v1.63.3"
		v1850 = "google.golang.org/grpc@v1.85.0"

		unsplit = "google.golang.org/genproto@v0.0.0-20190819201941-24fa4b261c55"
		split   = "google.golang.org/genproto@v0.0.0-20230526161137-0005af68ea54"
		newest  = "google.golang.org/genproto@v0.0.0-20260817212433-ac3dfec99bb1"
		rpc     = "google.golang.org/genproto/googleapis/rpc@v0.0.0-20260817212433-ac3dfec99bb1"

		noNaming  = "does not contain package google.golang.org/grpc/naming"
		twoStatus = "ambiguous import: found package google.golang.org/genproto/googleapis/rpc/status"
	)
	for _, c := range []struct {
		about, imports, requires string
		fails                    []string // expressions for what go mod tidy or go build says
	}{
		{"everything builds with the old grpc-go",
			"google.golang.org/grpc/naming clean mid namingdep lb lb/unused lbmod old/client old/server fire usesbig breaks neverbuilds",
			"clean@v1.0.0 mid@v1.0.0 namingdep@v1.0.0 lb@v1.0.0 lbmod@v1.0.0 old@v3.3.13+incompatible fire@v1.0.0 usesbig@v1.0.0 breaks@v0.1.0 neverbuilds@v1.0.0 " + v1291, nil},
		{"other versions do too", "lb lbmod breaks usesapi",
			"lb@v1.0.1 lbmod@v1.1.0 breaks@v0.2.0 usesapi@v1.0.0 " + v1291, nil},

		{"naming is gone", "google.golang.org/grpc/naming", v1850, []string{noNaming}},
		{"a dependency wants it", "namingdep", "namingdep@v1.0.0 " + v1633, []string{noNaming}},
		{"the test of a dependency's dependency wants it", "mid", "mid@v1.0.0 " + v1850, []string{noNaming}},
		{"what else is gone, and what does not compile", "lb old/client old/server lbmod breaks neverbuilds odd",
			"lb@v1.0.0 old@v3.3.13+incompatible lbmod@v1.0.0 breaks@v0.1.0 neverbuilds@v1.0.0 odd@v1.0.0 " + split + " " + v1850,
			[]string{"lb.go:.* undefined: grpc.Address", "client.go:.* undefined: grpc.Address", "lbmod.go:.* undefined: grpc.Balancer",
				"breaks.go:.* too few values in struct literal", "neverbuilds.go:.* too few values in struct literal", "odd.go:.* cannot use 1"}},
		{"no newer version of lb, one of lbmod and one of breaks are no better", "lb lbmod breaks",
			"lb@v1.0.1 lbmod@v1.1.0 breaks@v0.2.0 " + split + " " + v1850,
			[]string{"lb.go:.* undefined: grpc.Address", "lbmod.go:.* undefined: balancer.PickOptions", "breaks.go:.* too few values in struct literal"}},
		{"others are", "lbmod breaks clean old/server",
			"lbmod@v1.2.0 breaks@v0.3.0 clean@v1.0.0 old@v3.3.13+incompatible " + split + " " + v1850, nil},
		{"an older grpc-go builds more", "breaks neverbuilds fire", "breaks@v0.1.0 neverbuilds@v1.0.0 fire@v1.0.0 " + v1633, nil},
		{"a module is gone", "needsgone", "needsgone@v1.0.0", []string{"example.com/gone"}},

		// A genproto from before its split, which grpc-go v1.85.0 leaves as it is:
		// its package status is one of two or, where go.mod names that genproto and
		// not the other, is taken and too old.
		{"two of status", "clean", "clean@v1.0.0 " + v1850, []string{twoStatus}},
		{"status is too old", "clean", "clean@v1.0.0 " + unsplit + " " + v1850, []string{"missing method ProtoReflect"}},
		{"status of firestore's module is too old", "fire", "fire@v1.0.0 " + v1850, []string{"missing method ProtoReflect"}},
		{"two of status beside firestore", "fire", "fire@v1.0.0 " + rpc + " " + v1850, []string{twoStatus}},
		{"the split helps", "fire", "fire@v1.0.0 " + split + " " + v1850, nil},
		{"the newest does not", "fire", "fire@v1.0.0 " + newest + " " + v1850,
			[]string{"does not contain package google.golang.org/genproto/googleapis/firestore/v1"}},

		{"two of api", "usesbig usesapi", "usesbig@v1.0.0 usesapi@v1.0.0", []string{"ambiguous import: found package example.com/big/api"}},
		{"the big module without it helps", "usesbig usesapi", "usesbig@v1.0.0 usesapi@v1.0.0 big@v0.2.0", nil},
		{"its newest version does not", "usesbig usesapi", "usesbig@v1.0.0 usesapi@v1.0.0 big@v0.3.0", []string{"does not contain package example.com/big"}},

		{"the checkout goes with its grpc-go", "github.com/grpcnaming/grpcnaming/adapter github.com/grpcnaming/grpcnaming/consulnaming", v1633, nil},
		{"the drop-in is for whoever wants naming", "github.com/grpcnaming/grpcnaming/adapter google.golang.org/grpc/naming namingdep mid",
			"google.golang.org/grpc/naming@v0.0.0 namingdep@v1.0.0 mid@v1.0.0 " + split + " " + v1850, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			dir := programOf(t, strings.Fields(c.imports), strings.Fields(c.requires))
			said, ok := goSays(dir, env, "mod", "tidy")
			if ok {
				said, ok = goSays(dir, env, "build", ".")
			}
			if ok != (c.fails == nil) {
				t.Errorf("the go command says %q, want %q", said, c.fails)
			}
			for _, want := range c.fails {
				if !regexp.MustCompile(want).MatchString(said) {
					t.Errorf("the go command says %q, want %q", said, want)
				}
			}
		})
	}
}

// The newest version may ask for a newer Go than there is.
func TestStandInsTooNew(t *testing.T) {
	env := standInEnv(t, standIns(t, "testdata/toonew"))
	dir := programOf(t, []string{"google.golang.org/grpc"}, []string{"google.golang.org/grpc@v1.85.0"})
	const want = "google.golang.org/grpc@v1.99.0 requires go >= 1.99.0"
	if said, ok := goSays(dir, env, "get", "google.golang.org/grpc@latest"); ok || !strings.Contains(said, want) {
		t.Errorf("the go command says %q, want %q", said, want)
	}
}

// programOf writes a package that imports others, in a module with those
// requirements and the checkout. What has no domain is of example.com.
func programOf(t *testing.T, imports, requires []string) (dir string) {
	t.Helper()
	mod := "module example.com/program\n\ngo 1.25.0\n\n"
	for _, r := range requires {
		mod += "require " + strings.Replace(withDomain(r), "@", " ", 1) + "\n"
	}
	mod += "\nreplace github.com/grpcnaming/grpcnaming => " + checkoutStandIn(t) + "\n"
	if strings.Contains(mod, "google.golang.org/grpc/naming v0.0.0") {
		mod += "\nreplace google.golang.org/grpc/naming => " + checkoutStandIn(t) + "/naming/dropin\n"
	}
	src := "package program\n\n"
	for _, i := range imports {
		src += "import _ \"" + withDomain(i) + "\"\n"
	}
	dir = t.TempDir()
	for name, content := range map[string]string{"go.mod": mod, "program.go": src} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func withDomain(path string) string {
	if domain, _, _ := strings.Cut(path, "/"); !strings.Contains(domain, ".") || strings.Contains(domain, "@") {
		return "example.com/" + path
	}
	return path
}

func goSays(dir string, env []string, args ...string) (said string, ok bool) {
	c := exec.Command("go", args...)
	c.Dir, c.Env = dir, append(os.Environ(), env...)
	out, err := c.CombinedOutput()
	return string(out), err == nil
}
