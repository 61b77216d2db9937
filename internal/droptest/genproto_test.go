package droptest

import "testing"

// genproto stands for google.golang.org/genproto@latest, which go would have to
// ask the network for each time. It asks for no newer Go than our go.mod does.
const genproto = "google.golang.org/genproto@v0.0.0-20240823204242-4ba0660f739c"

// sinceGRPC is the oldest grpc-go tried in which old genprotos do harm.
const sinceGRPC = "v1.65.0"

// An old google.golang.org/genproto has package googleapis/rpc/status in it,
// which is a module of its own today. Who has it in the graph sees one of two
// errors; one command mends both.
func TestOldGenproto(t *testing.T) {
	t.Run("of a dependency", func(t *testing.T) {
		p := copied(t, "hosts")
		p.run("-C", "../hostlist", "mod", "edit", "-require=google.golang.org/grpc@v1.29.1")
		p.edit()
		p.requireGRPC(max(grpcVersion, sinceGRPC))
		p.fails([]string{"mod", "tidy"}, "google.golang.org/genproto/googleapis/rpc/status: ambiguous import: ")
		p.mend()
	})
	t.Run("of the program", func(t *testing.T) {
		p := copied(t, "hosts")
		p.run("mod", "edit", "-require=google.golang.org/genproto@v0.0.0-20190819201941-24fa4b261c55")
		p.edit()
		p.requireGRPC(max(grpcVersion, sinceGRPC))
		p.run("mod", "tidy")
		p.fails([]string{"build", "."}, "# google.golang.org/grpc/internal/status", "(missing method ProtoReflect)")
		p.mend()
	})
}

func (p *program) mend() {
	p.t.Helper()
	p.run("get", genproto)
	p.run("mod", "tidy")
	p.run("build", ".")
}
