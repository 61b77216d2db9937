package modernize

import (
	"fmt"
	"go/ast"
	"go/types"
	"strings"

	"golang.org/x/tools/go/analysis"
)

// Implementations reports what the program has of its own behind interfaces that are
// deprecated as a whole: it is for the reader to write anew, as an example shows.
var Implementations = &analysis.Analyzer{
	Name:             "implementations",
	Doc:              "report own implementations of naming.Resolver, naming.Watcher and adapter.Balancer, and policies for the draft balancer API",
	RunDespiteErrors: true,
	Run: func(pass *analysis.Pass) (any, error) {
		olds := oldInterfaces(pass.Pkg)
		drafts := false // has been said
		return nil, eachFile(pass, func(f *file) {
			all(f, func(spec *ast.TypeSpec) { f.implementation(spec, olds) })
			for _, s := range f.tree.Imports {
				if o, ok := f.imported(s); ok && strings.HasPrefix(o.Path()+"/", adapterPath+"/balancer/") && !drafts {
					drafts = true
					f.left(s, "package "+pass.Pkg.Name()+" has a policy for the draft of the balancer API",
						"write it for google.golang.org/grpc/balancer, where a Picker of balancer/base is often all, "+exampleBalancer)
				}
			}
		})
	},
}

// Examples are of package adapter, in modern_example_test.go.
const (
	exampleResolver = "as adapter's Example_modernResolver does"
	exampleBalancer = "as adapter's Example_modernBalancer does"
)

// An oldInterface is one that user code implements.
type oldInterface struct {
	name  string
	write string
	*types.Interface
}

// oldInterfaces returns those that a package can implement, as it imports the packages
// of their methods.
func oldInterfaces(pkg *types.Package) (olds []oldInterface) {
	for _, i := range []struct{ path, name, write string }{
		{namingPath, "Resolver", "write a resolver.Builder, " + exampleResolver},
		{namingPath, "Watcher", "let a resolver.Resolver tell its ClientConn the full list, " + exampleResolver},
		{adapterPath, "Balancer", "write a Picker for google.golang.org/grpc/balancer/base, " + exampleBalancer},
	} {
		p := find(pkg, i.path, make(map[*types.Package]bool))
		if p == nil {
			continue
		}
		if o, ok := p.Scope().Lookup(i.name).(*types.TypeName); ok {
			if t, ok := o.Type().Underlying().(*types.Interface); ok {
				olds = append(olds, oldInterface{p.Name() + "." + i.name, i.write, t})
			}
		}
	}
	return olds
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

// implementation reports a type that implements an old interface and is none.
func (f *file) implementation(spec *ast.TypeSpec, olds []oldInterface) {
	o, ok := f.pass.TypesInfo.Defs[spec.Name].(*types.TypeName)
	if !ok || o.IsAlias() || types.IsInterface(o.Type()) {
		return
	}
	var names, writes []string
	for _, old := range olds {
		if types.Implements(o.Type(), old.Interface) || types.Implements(types.NewPointer(o.Type()), old.Interface) {
			names = append(names, old.name)
			if len(writes) == 0 {
				writes = append(writes, old.write)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	what := fmt.Sprintf("%s implements %s", o.Name(), strings.Join(names, " and "))
	if strings.HasSuffix(f.tok.Name(), "_test.go") {
		f.left(spec, what, "it goes with what it is a fake of, or "+writes[0])
		return
	}
	f.left(spec, what, writes[0])
}

// imported is the package that a spec imports.
func (f *file) imported(s *ast.ImportSpec) (*types.Package, bool) {
	o := f.pass.TypesInfo.Implicits[s]
	if s.Name != nil {
		o = f.pass.TypesInfo.Defs[s.Name]
	}
	if n, ok := o.(*types.PkgName); ok {
		return n.Imported(), true
	}
	return nil, false
}
