package migrate

import (
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

// legacyapi.txtar has no errors but that functions have no bodies.
func TestLegacyAPI(t *testing.T) {
	for _, f := range txtar.Parse(legacyText).Files {
		fset := token.NewFileSet()
		tree, err := parser.ParseFile(fset, f.Name, f.Data, 0)
		if err != nil {
			t.Fatal(err)
		}
		config := lenient(legacy())
		config.Error = func(err error) {
			if !strings.Contains(err.Error(), "missing function body") {
				t.Error(err)
			}
		}
		config.Check(f.Name, fset, []*ast.File{tree}, nil)
	}
	for _, name := range []string{"resolver.Target.Scheme", "balancer.ClientConn.UpdateBalancerState", "attributes.Attributes.WithValues"} {
		found := false
		for _, n := range legacy().members {
			found = found || n == name
		}
		if !found {
			t.Errorf("%s is no member", name)
		}
	}
	var _ types.Importer = legacy()
}
