package modernize

import (
	"fmt"
	"go/ast"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/tools/go/analysis"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/internal/endpoint"
)

// namingScheme is that of the targets of a resolver that has none of its own.
const namingScheme = "naming"

// roundRobin is the service config that selects the LB policy of that name.
const roundRobin = "`" + `{"loadBalancingConfig": [{"round_robin": {}}]}` + "`"

// RoundRobin keeps the naming.Resolver of an adapter.RoundRobin and leaves balancing
// to grpc's round_robin.
var RoundRobin = newAnalyzer("roundrobin", "replace adapter.RoundRobin by adapter.NewBuilder and the LB policy round_robin", func(f *file) {
	seen := make(map[ast.Expr]bool)
	f.dials(func(d *dial) {
		for _, o := range d.find(adapterPath, "WithBalancer") {
			if !seen[o.expr] {
				seen[o.expr] = true
				d.toRoundRobin(o)
			}
		}
	})
	f.calls(adapterPath, func(call *ast.CallExpr, _ string) {
		if !seen[call] {
			f.keptBalancer(call, "the dial that it belongs to is not seen from here")
		}
	}, "WithBalancer")
	const write = "write grpc.WithResolvers(adapter.NewBuilder(...)) and grpc.WithDefaultServiceConfig with round_robin and that JSON"
	f.calls(adapterPath, func(call *ast.CallExpr, _ string) {
		f.left(call, "adapter.WithBalancerAndServiceConfig is deprecated", write)
	}, "WithBalancerAndServiceConfig")
})

// keptBalancer reports a WithBalancer that stays.
func (f *file) keptBalancer(call *ast.CallExpr, why string) {
	b, _ := f.value(call.Args[0])
	if !f.isCall(b, adapterPath, "RoundRobin") {
		f.left(call, "adapter.WithBalancer is deprecated, and has a balancer of its own here",
			"write a policy for today's balancer API, as adapter's Example_modernBalancer does")
		return
	}
	f.left(call, "adapter.WithBalancer is deprecated, and stays here: "+why, fmt.Sprintf(
		"write grpc.WithResolvers(adapter.NewBuilder(%q, r)) and grpc.WithDefaultServiceConfig(%s), and dial %q + target", namingScheme, roundRobin, namingScheme+":///"))
}

func (d *dial) toRoundRobin(o *option) {
	with := o.expr.(*ast.CallExpr)
	b, once := d.value(with.Args[0])
	call, ok := b.(*ast.CallExpr)
	if !ok || !d.isCall(call, adapterPath, "RoundRobin") {
		d.keptBalancer(with, "")
		return
	}
	switch {
	case !o.sure:
		d.keptBalancer(with, "the dial may be without it")
		return
	case !o.alone || !once:
		d.keptBalancer(with, "it is used elsewhere, too")
		return
	case !d.seen && !d.nowhere("WithDefaultServiceConfig", "WithDisableServiceConfig"):
		d.keptBalancer(with, "the dial has options that are not seen from here, perhaps a service config")
		return
	case len(d.find(grpcPath, "WithDefaultServiceConfig", "WithDisableServiceConfig")) > 0:
		d.keptBalancer(with, "beside a service config")
		return
	}
	if d.text(call.Args[0]) == "nil" {
		d.rewrite(with, "adapter.RoundRobin(nil) dials the target itself, as grpc does without it", d.without([]*option{o})...)
		return
	}
	target, edit, ok := d.prefixed()
	if !ok {
		d.keptBalancer(with, "the target has a scheme, or is no URL behind "+namingScheme+":///")
		return
	}
	grpc, edits := d.nameAt(d.call.Pos(), grpcPath)
	adapter, more := d.nameAt(call.Pos(), adapterPath)
	edits = append(append(edits, more...), edit,
		replace(with.Fun.Pos(), with.Fun.End(), grpc+".WithResolvers"),
		replace(call.Fun.Pos(), call.Fun.End(), adapter+".NewBuilder"),
		insert(call.Args[0].Pos(), strconv.Quote(namingScheme)+", "),
		d.then(o, grpc+".WithDefaultServiceConfig("+roundRobin+")"))
	message := "adapter.WithBalancer is deprecated: grpc's round_robin balances now. " +
		"It merges addresses that differ only in Metadata, and its errors have other texts"
	if _, constant := d.constant(d.target); !constant {
		message += fmt.Sprintf(". The target becomes %s: it is taken to have no scheme", target)
	}
	d.change(with, message, edits...)
}

// prefixed is the edit that gives the target of a dial the scheme of NewBuilder. ok is
// false if it does not come out again as it went in.
func (d *dial) prefixed() (shown string, edit analysis.TextEdit, ok bool) {
	const prefix = namingScheme + ":///"
	if t, ok := d.constant(d.target); ok {
		u, err := url.Parse(prefix + t)
		if err != nil || strings.Contains(t, "://") || endpoint.Of(resolver.Target{URL: *u}) != t {
			return "", edit, false
		}
		return strconv.Quote(prefix + t), replace(d.target.Pos(), d.target.End(), strconv.Quote(prefix+t)), true
	}
	text := d.text(d.target)
	if _, sum := d.target.(*ast.BinaryExpr); sum {
		text = "(" + text + ")"
	}
	text = strconv.Quote(prefix) + " + " + text
	return strings.ReplaceAll(text, "\n", " "), replace(d.target.Pos(), d.target.End(), text), true
}
