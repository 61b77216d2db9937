package modernize

import (
	"go/ast"
	"net"
	"net/url"
	"strconv"

	"golang.org/x/tools/go/analysis"
)

// Consul replaces a naming.Resolver of package consulnaming under adapter.NewBuilder by
// consulnaming's own resolver.Builder, without naming.Update between.
var Consul = newAnalyzer("consul", "replace consulnaming under adapter.NewBuilder by consulnaming.NewBuilder", func(f *file) {
	f.dials(func(d *dial) {
		for _, o := range d.find(grpcPath, "WithResolvers") {
			for _, arg := range o.expr.(*ast.CallExpr).Args {
				builder, once := d.value(arg)
				if d.isCall(builder, adapterPath, "NewBuilder") && len(builder.(*ast.CallExpr).Args) == 2 {
					d.toConsul(o, builder.(*ast.CallExpr), once)
				}
			}
		}
	})
})

// toConsul rewrites the builder of an option, and the target of the dial.
func (d *dial) toConsul(o *option, builder *ast.CallExpr, once bool) {
	named, onceNamed := d.value(builder.Args[1])
	environment := d.isCall(named, consulnamingPath, "NewConsulResolver")
	if !environment && !d.isCall(named, consulnamingPath, "New") {
		return
	}
	made := named.(*ast.CallExpr)
	if len(made.Args) < 2 {
		return // New(f())
	}
	kept := func(why string) {
		d.left(builder, "adapter.NewBuilder stays over consulnaming: "+why,
			"write consulnaming.NewBuilder(), and dial consul://AGENT/SERVICE")
	}
	scheme, _ := d.constant(builder.Args[0])
	inTarget, rest, expr, ok := d.scheme(d.target)
	switch {
	case !o.sure || !o.alone || !once || !onceNamed:
		kept("the dial may be without it, or it is used elsewhere, too")
		return
	case !ok || inTarget != scheme:
		kept("the target does not begin with its scheme")
		return
	case made.Ellipsis.IsValid():
		kept("its options are not seen from here")
		return
	}
	for _, option := range made.Args[2:] {
		if v, _ := d.value(option); d.isCall(v, consulnamingPath, "MetadataFunc") {
			kept("a MetadataFunc has no place there; a policy reads consulnaming.InstanceOf, and EndpointFunc changes endpoints")
			return
		} else if _, seen := v.(*ast.CallExpr); !seen {
			kept("its options are not seen from here")
			return
		}
	}
	authority, note, ok := d.authority(made.Args[1], rest, expr)
	if !ok {
		kept("the target is the name that TLS verifies, unless the credentials name another; write grpc.WithAuthority with it if they do not")
		return
	}
	target, targetEdits, ok := d.consulTarget(made, environment, rest, expr)
	if !ok {
		kept("the service may be that of the target or not")
		return
	}
	consulnaming, edits := d.nameAt(made.Pos(), consulnamingPath)
	edits = append(edits, targetEdits...)
	text := consulnaming + ".NewBuilder("
	if environment {
		if a := d.text(made.Args[0]); !d.isHostPort(made.Args[0]) && a != `""` {
			text += consulnaming + ".Agent(" + a + ")"
		}
	} else {
		text = consulnaming + ".NewBuilderWithClient(" + d.text(made.Args[0])
		for _, option := range made.Args[2:] {
			text += ", " + d.text(option)
		}
	}
	text += ")"
	switch declared, ok := d.parents[made].(*ast.AssignStmt); {
	case builder.Args[1] == ast.Expr(made):
		edits = append(edits, replace(builder.Pos(), builder.End(), text))
	case ok && len(declared.Lhs) == 1:
		edits = append(append(edits, d.cutStatement(declared)...), replace(builder.Pos(), builder.End(), text))
	default: // var r = ...
		edits = append(edits, replace(made.Pos(), made.End(), text), replace(builder.Pos(), builder.End(), d.text(builder.Args[1])))
	}
	if authority != "" {
		grpc, more := d.nameAt(d.call.Pos(), grpcPath)
		edits = append(append(edits, more...), d.then(o, grpc+".WithAuthority("+authority+")"))
	}
	edits = append(edits, replace(d.target.Pos(), d.target.End(), target))
	message := "consulnaming has a resolver for today's grpc: use consulnaming.NewBuilder"
	if note != "" {
		d.change(builder, message+"; "+note, edits...)
	} else {
		d.rewrite(builder, message, edits...)
	}
}

// isHostPort says that an expression is a constant address that a URL may have as
// its host. An agent may also have a URL or a socket for its address.
func (d *dial) isHostPort(e ast.Expr) bool {
	s, ok := d.constant(e)
	if !ok {
		return false
	}
	host, port, err := net.SplitHostPort(s)
	u, urlErr := url.Parse("consul://" + s)
	return err == nil && urlErr == nil && host != "" && port != "" && u.Host == s
}

// consulTarget is the target for what a resolver was made with. The resolver took its
// service from the target if it was made with none.
func (d *dial) consulTarget(made *ast.CallExpr, environment bool, rest string, expr ast.Expr) (target string, edits []analysis.TextEdit, ok bool) {
	prefix := "consul:///"
	if environment && d.isHostPort(made.Args[0]) {
		agent, _ := d.constant(made.Args[0])
		prefix = "consul://" + agent + "/"
	}
	service, constant := d.constant(made.Args[1])
	switch {
	case constant && service == "" && expr == nil:
		return strconv.Quote(prefix + url.PathEscape(rest)), nil, true
	case constant && service == "": // it is expr
	case constant:
		return strconv.Quote(prefix + url.PathEscape(service)), nil, true
	case expr != nil || rest != "":
		return "", nil, false // it may be "" when it runs
	default:
		expr = made.Args[1]
	}
	escape, edits := d.nameAt(d.call.Pos(), "net/url")
	return strconv.Quote(prefix) + " + " + escape + ".PathEscape(" + d.text(ast.Unparen(expr)) + ")", edits, true
}

// authority is what grpc.WithAuthority has to be given for the authority to stay that
// of the target behind its scheme: the service takes its place. ok is false if that
// depends on credentials.
func (d *dial) authority(service ast.Expr, rest string, expr ast.Expr) (authority, note string, ok bool) {
	if len(d.find(grpcPath, "WithAuthority")) > 0 {
		return "", "", true
	}
	name, constant := d.constant(service)
	switch {
	case constant && (name == "" || name == rest) && (expr == nil || name == ""):
		return "", "", true
	case expr == nil && rest == "":
		return "", "the authority that servers see is the service now, and was empty", true
	}
	insecure := false
	for _, o := range d.find(grpcPath, "WithTransportCredentials") {
		arg, _ := d.value(o.expr.(*ast.CallExpr).Args[0])
		insecure = d.isCall(arg, grpcPath+"/credentials/insecure", "NewCredentials")
	}
	if !insecure && len(d.find(grpcPath, "WithInsecure")) == 0 || !d.seen && !d.nowhere("WithAuthority") {
		return "", "", false
	}
	if expr != nil {
		return d.text(ast.Unparen(expr)), "", true
	}
	return strconv.Quote(rest), "", true
}
