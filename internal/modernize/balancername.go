package modernize

import (
	"encoding/json"
	"go/ast"
	"go/token"
	"strconv"
	"strings"
)

// BalancerName replaces adapter.WithBalancerName by the default service config that it
// makes. A name that a package has as a constant stays: its import may be what
// registers the policy.
var BalancerName = newAnalyzer("balancername", "replace adapter.WithBalancerName by grpc.WithDefaultServiceConfig", func(f *file) {
	f.calls(adapterPath, func(call *ast.CallExpr, _ string) {
		if len(call.Args) != 1 {
			return // WithBalancerName(f())
		}
		grpc, edits := f.nameAt(call.Pos(), grpcPath)
		edits = append(edits, replace(call.Fun.Pos(), call.Fun.End(), grpc+".WithDefaultServiceConfig"))
		arg := call.Args[0]
		name, constant := f.constant(arg)
		plain := constant && isPlain(name)
		switch lit, ok := ast.Unparen(arg).(*ast.BasicLit); {
		case plain && ok && lit.Kind == token.STRING:
			edits = append(edits, replace(arg.Pos(), arg.End(), rawQuote(`{"loadBalancingConfig": [{"`+name+`": {}}]}`)))
		case plain:
			edits = append(edits, insert(arg.Pos(), "`{\"loadBalancingConfig\": [{\"` + "), insert(arg.End(), " + `\": {}}]}`"))
		default:
			fmt, more := f.nameAt(call.Pos(), "fmt")
			edits = append(append(edits, more...), insert(arg.Pos(), fmt+".Sprintf(`{\"loadBalancingConfig\": [{%q: {}}]}`, "), insert(arg.End(), ")"))
		}
		f.rewrite(call, "adapter.WithBalancerName is deprecated: use grpc.WithDefaultServiceConfig with a loadBalancingConfig", edits...)
	}, "WithBalancerName")
	f.values(adapterPath, func(id *ast.Ident, _ string) {
		f.left(id, "adapter.WithBalancerName is deprecated, and is used here as a value",
			"write a function that returns grpc.WithDefaultServiceConfig with a loadBalancingConfig")
	}, "WithBalancerName")
})

// isPlain says that JSON has a text as it is, between quotes.
func isPlain(text string) bool {
	quoted, err := json.Marshal(text)
	return err == nil && string(quoted) == `"`+text+`"`
}

// rawQuote is a text as a literal without escapes, if there is one.
func rawQuote(text string) string {
	if strings.Contains(text, "`") {
		return strconv.Quote(text)
	}
	return "`" + text + "`"
}
