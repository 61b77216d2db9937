package modernize

import (
	"fmt"
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"golang.org/x/tools/go/analysis"

	"github.com/grpcnaming/grpcnaming/internal/migrate"
)

// Implementations reports what is deprecated as a whole, and is for the reader to write
// anew as an example shows: own types behind naming.Resolver, naming.Watcher and
// adapter.Balancer, and policies for the draft of the balancer API. A package that has no
// such type, and uses what is theirs, is reported once.
var Implementations = &analysis.Analyzer{
	Name:             "implementations",
	Doc:              "report own types behind naming.Resolver, naming.Watcher and adapter.Balancer, and policies for the draft balancer API",
	RunDespiteErrors: true,
	Run: func(pass *analysis.Pass) (any, error) {
		shapes := oldShapes(pass.Pkg)
		var files []*file
		err := eachFile(pass, func(f *file) {
			files = append(files, f)
			all(f, func(spec *ast.TypeSpec) { f.implementation(spec, shapes) })
		})
		for _, s := range shapes {
			for _, f := range files {
				if !f.isTest() && !s.said && f.reportUse(s) {
					s.said = true
				}
			}
			for _, f := range files {
				if f.isTest() && !s.said && !s.saidOfFake && f.reportUse(s) {
					s.said = true
				}
			}
		}
		return nil, err
	},
}

// Examples are of package adapter, in modern_example_test.go.
const (
	exampleResolver = "as adapter's Example_modernResolver does"
	exampleBalancer = "as adapter's Example_modernBalancer does"
)

// An oldShape is a kind of thing that programs have of their own.
type oldShape struct {
	paths      []string // of packages
	names      []string // those that belong to it; none for all
	interfaces []oldInterface
	write      string // for code that only uses them
	said       bool   // the package has been reported
	saidOfFake bool   // its tests have been
}

// An oldInterface is one that types of the program may implement.
type oldInterface struct {
	*types.Interface
	name, write string
}

// oldShapes returns what a package can have, as it imports it.
func oldShapes(pkg *types.Package) []*oldShape {
	shapes := []*oldShape{
		{paths: []string{namingPath, migrate.Removed}, write: "take a resolver.Builder in the place of a naming.Resolver, " + exampleResolver},
		{paths: []string{adapterPath}, names: []string{"Balancer", "Address", "BalancerConfig", "BalancerGetOptions"},
			write: "write a policy for google.golang.org/grpc/balancer, " + exampleBalancer},
		{paths: []string{adapterPath + "/balancer", adapterPath + "/balancer/base"},
			write: "write a policy for google.golang.org/grpc/balancer, where a Picker of balancer/base is often all, " + exampleBalancer},
	}
	for _, i := range []struct {
		*oldShape
		path, name, write string
	}{
		{shapes[0], namingPath, "Resolver", "write a resolver.Builder, " + exampleResolver},
		{shapes[0], namingPath, "Watcher", "let a resolver.Resolver tell its ClientConn the full list, " + exampleResolver},
		{shapes[1], adapterPath, "Balancer", "write a Picker for google.golang.org/grpc/balancer/base, " + exampleBalancer},
	} {
		p := find(pkg, i.path, make(map[*types.Package]bool))
		if p == nil {
			continue
		}
		if o, ok := p.Scope().Lookup(i.name).(*types.TypeName); ok {
			if t, ok := o.Type().Underlying().(*types.Interface); ok {
				i.interfaces = append(i.interfaces, oldInterface{t, p.Name() + "." + i.name, i.write})
			}
		}
	}
	return shapes
}

// find returns the package path among those that pkg imports, itself or by others.
func find(pkg *types.Package, path string, seen map[*types.Package]bool) *types.Package {
	if seen[pkg] {
		return nil
	}
	seen[pkg] = true
	if pkg.Path() == path {
		return pkg
	}
	for _, p := range pkg.Imports() {
		if found := find(p, path, seen); found != nil {
			return found
		}
	}
	return nil
}

func (f *file) isTest() bool { return strings.HasSuffix(f.tok.Name(), "_test.go") }

// implementation reports a type that implements an old interface and is none.
func (f *file) implementation(spec *ast.TypeSpec, shapes []*oldShape) {
	o, ok := f.pass.TypesInfo.Defs[spec.Name].(*types.TypeName)
	if !ok || o.IsAlias() || types.IsInterface(o.Type()) {
		return
	}
	for _, s := range shapes {
		var names []string
		write := ""
		for _, old := range s.interfaces {
			if types.Implements(o.Type(), old.Interface) || types.Implements(types.NewPointer(o.Type()), old.Interface) {
				names = append(names, old.name)
				if write == "" {
					write = old.write
				}
			}
		}
		if len(names) == 0 {
			continue
		}
		if f.isTest() {
			write = "it goes with what it is a fake of, or " + write
			s.saidOfFake = true
		} else {
			s.said = true
		}
		f.left(spec, fmt.Sprintf("%s implements %s", o.Name(), strings.Join(names, " and ")), write)
	}
}

// reportUse reports the first use of what belongs to s, if there is one.
func (f *file) reportUse(s *oldShape) bool {
	var first ast.Node
	name := ""
	found := func(n ast.Node, o types.Object) {
		if first == nil && o.Pkg() != nil && slices.Contains(s.paths, o.Pkg().Path()) && o.Parent() == o.Pkg().Scope() &&
			(len(s.names) == 0 || slices.Contains(s.names, o.Name())) {
			first, name = n, strings.TrimPrefix(o.Pkg().Path(), migrate.Module+"/")+"."+o.Name()
		}
	}
	all(f, func(id *ast.Ident) {
		if o := f.pass.TypesInfo.Uses[id]; o != nil {
			found(id, o)
		}
	})
	if first == nil {
		return false
	}
	f.left(first, fmt.Sprintf("package %s uses %s", f.pass.Pkg.Name(), name), s.write)
	return true
}
