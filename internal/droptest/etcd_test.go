package droptest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const etcdv3327 = "github.com/coreos/etcd@v3.3.27+incompatible"

// clientv3/naming of etcd v3.3.27 on etcd's client of today: one import changed.
func TestEtcdNamingOnTodaysClient(t *testing.T) {
	p := copied(t, "etcd")
	var etcd struct{ Dir string }
	if err := json.Unmarshal([]byte(p.run("mod", "download", "-json", etcdv3327)), &etcd); err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(etcd.Dir, "clientv3", "naming", "grpc.go"))
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(source), `"github.com/coreos/etcd/clientv3"`)
	if !ok {
		t.Fatalf("clientv3/naming of %s does not import clientv3:\n%s", etcdv3327, source)
	}
	if err := os.Mkdir(filepath.Join(p.dir, "etcdnaming"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(p.dir, "etcdnaming", "grpc.go"),
		[]byte(before+`"go.etcd.io/etcd/client/v3"`+after), 0o644); err != nil {
		t.Fatal(err)
	}
	p.edit()
	p.run("mod", "tidy")
	p.balances()
}

// The client of v3.3.27 itself is lost, and not for grpc/naming: it has an LB
// policy and a resolver for a draft of grpc's present API.
func TestEtcdClientV3327IsLost(t *testing.T) {
	p := copied(t, "etcd3327")
	p.edit()
	stderr := p.fails([]string{"build", "-mod=mod", "github.com/coreos/etcd/clientv3/naming"},
		"undefined: resolver.BuildOption\n", "undefined: balancer.PickOptions\n")
	for line := range strings.Lines(stderr) {
		if pkg, ok := strings.CutPrefix(line, "# "); ok && !strings.HasPrefix(pkg, "github.com/coreos/etcd/clientv3/balancer/") {
			t.Errorf("package %s does not compile either", strings.TrimSpace(pkg))
		}
	}
}
