package modernize

import (
	"go/ast"
	"go/types"
	"maps"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// A helper is a function that a rewrite adds to the user's package, once.
type helper struct {
	name    string
	imports map[string]string // paths by the placeholder of their names
	text    string            // NAME is that of the function
}

var dialReady = &helper{
	name:    "dialReady",
	imports: map[string]string{"CONTEXT": "context", "GRPC": grpcPath, "CONNECTIVITY": grpcPath + "/connectivity"},
	text: `
// NAME makes a ClientConn and waits until it is connected or ctx is done, as
// grpc.DialContext did with grpc.WithBlock. Most programs need not wait: RPCs do.
func NAME(ctx CONTEXT.Context, target string, opts ...GRPC.DialOption) (*GRPC.ClientConn, error) {
	conn, err := GRPC.NewClient(target, opts...)
	if err != nil {
		return nil, err
	}
	for {
		state := conn.GetState()
		switch state {
		case CONNECTIVITY.Ready:
			return conn, nil
		case CONNECTIVITY.Idle:
			conn.Connect()
		}
		if !conn.WaitForStateChange(ctx, state) {
			conn.Close()
			return nil, ctx.Err()
		}
	}
}
`,
}

var dialReadyWithin = &helper{
	name:    "dialReadyWithin",
	imports: map[string]string{"CONTEXT": "context", "GRPC": grpcPath, "TIME": "time"},
	text: `
// NAME is dialReady with grpc.WithTimeout.
func NAME(ctx CONTEXT.Context, timeout TIME.Duration, target string, opts ...GRPC.DialOption) (*GRPC.ClientConn, error) {
	if timeout > 0 {
		var cancel CONTEXT.CancelFunc
		ctx, cancel = CONTEXT.WithTimeout(ctx, timeout)
		defer cancel()
	}
	return dialReady(ctx, target, opts...)
}
`,
}

var dialTarget = &helper{
	name:    "dialTarget",
	imports: map[string]string{"URL": "net/url", "STRINGS": "strings", "RESOLVER": grpcPath + "/resolver"},
	text: `
// NAME returns target as grpc.Dial took it: one without a scheme goes to the dialer as
// it is. Without this, grpc.NewClient looks it up in DNS.
func NAME(target string) string {
	if u, err := URL.Parse(target); STRINGS.Contains(target, "://") || err == nil && RESOLVER.Get(u.Scheme) != nil {
		return target
	}
	return "passthrough:///" + target
}
`,
}

// in returns the name of the helper in the package of f, and the edits that put it at
// the end of f if it is not there from an earlier run. names has those of other
// helpers.
func (h *helper) in(f *file, names map[string]string) (name string, edits []analysis.TextEdit) {
	name = h.name
	for n := 2; ; n++ {
		o := f.pass.Pkg.Scope().Lookup(name)
		if o == nil && !f.taken(name) {
			break
		}
		if fn, ok := o.(*types.Func); ok && f.sameHelper(h, fn) {
			return name, nil
		}
		name = h.name + strconv.Itoa(n)
	}
	text := strings.ReplaceAll(h.text, "NAME", name)
	if ready := names[dialReady.name]; ready != "" && h == dialReadyWithin {
		text = strings.ReplaceAll(text, "dialReady(", ready+"(")
		text = strings.ReplaceAll(text, "is dialReady", "is "+ready)
	}
	at := f.tree.Decls[len(f.tree.Decls)-1].Pos()
	for _, placeholder := range slices.Sorted(maps.Keys(h.imports)) {
		path := h.imports[placeholder]
		pkg, more := f.nameAt(at, path)
		edits = append(edits, more...)
		text = strings.ReplaceAll(text, placeholder+".", pkg+".")
	}
	end := f.tok.Pos(len(f.src))
	return name, append(edits, insert(end, text))
}

// sameHelper says that a function of the package is the helper, by the comment that
// came with it.
func (f *file) sameHelper(h *helper, fn *types.Func) bool {
	comment, _, _ := strings.Cut(strings.ReplaceAll(h.text, "NAME", fn.Name()), "\nfunc ")
	for _, tree := range f.pass.Files {
		for _, d := range tree.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && f.pass.TypesInfo.Defs[d.Name] == fn && d.Doc != nil {
				return d.Doc.Text() == strings.ReplaceAll(comment[1:], "// ", "")+"\n"
			}
		}
	}
	return false
}
