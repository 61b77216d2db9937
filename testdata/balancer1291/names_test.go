package balancer1291

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// exported returns the names that a package exports, and those in its structs and
// interfaces.
func exported(t *testing.T, dir string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for name, o := range f.Scope.Objects {
			if !ast.IsExported(name) {
				continue
			}
			names[name] = true
			spec, ok := o.Decl.(*ast.TypeSpec)
			if !ok {
				continue
			}
			if spec.Assign != token.NoPos {
				names[name+" is an alias"] = true
			}
			var fields *ast.FieldList
			switch typ := spec.Type.(type) {
			case *ast.StructType:
				fields = typ.Fields
			case *ast.InterfaceType:
				fields = typ.Methods
			default:
				continue
			}
			for _, field := range fields.List {
				for _, n := range field.Names {
					if n.IsExported() {
						names[name+"."+n.Name] = true
					}
				}
			}
		}
	}
	return names
}

// Every name that v1.29.1 exported is in adapter/balancer, and every field and method
// unless it is an alias of today's.
func TestNothingIsMissing(t *testing.T) {
	for here, there := range map[string]string{
		"../../adapter/balancer":      "google.golang.org/grpc/balancer",
		"../../adapter/balancer/base": "google.golang.org/grpc/balancer/base",
	} {
		dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", there).Output()
		if err != nil {
			t.Fatal(err)
		}
		was, is := exported(t, strings.TrimSpace(string(dir))), exported(t, here)
		if len(was) < 10 {
			t.Errorf("%s exports only %v", there, was)
		}
		for name := range was {
			typ, _, _ := strings.Cut(name, ".")
			if !is[name] && !is[typ+" is an alias"] {
				t.Errorf("%s has no %s", here, name)
			}
		}
	}
}
