package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/grpcnaming/grpcnaming/internal/program"
)

// A stuck program does nothing but import a package, and is held at grpc-go
// v1.29 by what that imports.
type stuck struct {
	pkg, module, version string
	reported             string // where somebody asked for help
}

var programs = []stuck{
	{"github.com/spf13/viper/remote", "github.com/spf13/viper", "v1.7.1", "etcd-io/etcd#12724"},
	{"github.com/bketelsen/crypt/config", "github.com/bketelsen/crypt", "v0.0.3", "bketelsen/crypt#17"},
	{"github.com/rexray/gocsi", "github.com/rexray/gocsi", "v1.2.2", "etcd-io/etcd#14580"},
	{"github.com/olivere/grpc/lb/consul", "github.com/olivere/grpc", "v1.0.0", ""},
	{"github.com/coreos/etcd/clientv3", "github.com/coreos/etcd", "v3.3.25+incompatible", "etcd-io/etcd#12577"},
	{"go.etcd.io/etcd/clientv3", "go.etcd.io/etcd", "v0.0.0-20200520232829-54ba9589114f", "etcd-io/etcd#12124"},
	{"github.com/sercand/kuberesolver", "github.com/sercand/kuberesolver", "v2.1.0+incompatible", "etcd-io/etcd#11634"},
}

const mainFile = `package main

import _ %q

func main() {}
`

const goModFile = `module example.com/stuck

go 1.14

require (
	%s %s
	google.golang.org/grpc v1.29.1
)
`

// migratePrograms runs the command on those programs from end to end, and
// prints a row for each as it is done.
func migratePrograms(w io.Writer, checkout, dir string, wanted func(name string) bool) error {
	fmt.Fprintln(w, "| Package | Module | Packages looked at | Files copied | Lines changed | Raised | Result | Run again | Time |")
	fmt.Fprintln(w, "|---|---|---:|---:|---:|---|---|---|---:|")
	for _, s := range programs {
		if !wanted(s.module) {
			continue
		}
		root := filepath.Join(dir, strings.ReplaceAll(s.pkg, "/", "-"))
		if err := s.write(root); err != nil {
			return err
		}
		began := time.Now()
		m, _, err := s.migrate(checkout, root)
		if err != nil {
			return fmt.Errorf("%s: %w", s.pkg, err)
		}
		took := time.Since(began)
		again, written, err := s.migrate(checkout, root)
		if err != nil {
			return fmt.Errorf("%s, again: %w", s.pkg, err)
		}
		files, lines := 0, 0
		var raised []string
		for _, f := range m.Forks {
			files += f.Files
			lines += f.Lines
		}
		for _, r := range m.Raised {
			raised = append(raised, r.Module+" "+r.To)
		}
		rerun := "changes nothing"
		if len(written) > 0 || !again.Clean && result(again) != result(m) {
			rerun = fmt.Sprintf("writes %s; %s", written, result(again))
		}
		fmt.Fprintf(w, "| %s | %s | %d | %d | %d | %s | %s | %s | %s |\n", s.pkg, s.version, m.Packages, files, lines,
			strings.Join(raised, ", "), result(m), rerun, took.Round(time.Second))
	}
	return nil
}

func result(m *program.Module) string {
	switch {
	case m.Unseen != "":
		return "not seen: " + m.Unseen
	case m.Build == nil:
		return "not built"
	case m.Build.OK:
		return "builds with " + m.Build.GRPC
	}
	return fmt.Sprintf("%d packages do not compile with %s", len(m.Build.Failures), m.Build.GRPC)
}

func (s stuck) write(root string) error {
	if err := os.RemoveAll(root); err != nil {
		return err
	}
	if err := os.MkdirAll(root, 0o777); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(root, "main.go"), fmt.Appendf(nil, mainFile, s.pkg), 0o666); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, "go.mod"), fmt.Appendf(nil, goModFile, s.module, s.version), 0o666)
}

// migrate is grpcnaming migrate -w in root.
func (s stuck) migrate(checkout, root string) (m *program.Module, written []string, err error) {
	ctx := context.Background()
	o, err := program.Run(ctx, []string{root + "/..."}, program.Options{
		Replace: checkout, Deps: true, Dropin: true, Check: true, Fork: "third_party",
		Doing: func(what string) { fmt.Fprintf(os.Stderr, "%s: %.120s\n", s.module, what) },
	})
	if err != nil {
		return nil, nil, err
	}
	defer o.Close()
	if !o.Unseen() {
		written = o.Write()
		if _, err := o.Prove(ctx); err != nil {
			return nil, nil, err
		}
	}
	i := slices.IndexFunc(o.Modules, func(m *program.Module) bool { return m.Path == "example.com/stuck" })
	if i < 0 {
		return nil, nil, fmt.Errorf("nothing is said of the module: %v", o.Reports)
	}
	return o.Modules[i], written, nil
}
