package modernize

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc"
)

// rewritten has what is deprecated and an analyzer of its own sees to, wherever it is
// used.
var rewritten = map[string][]string{
	grpcPath: {"Dial", "DialContext", "WithBlock", "WithTimeout", "WithReturnConnectionError", "FailOnNonTempDialError", "WithInsecure",
		"Errorf", "Code", "ErrorDesc", "FailFast", "WithMaxMsgSize", "MaxMsgSize", "CallCustomCodec", "WithCodec", "CustomCodec",
		"WithBackoffMaxDelay", "WithBackoffConfig", "WithDialer", "WithCompressor", "WithDecompressor", "RPCCompressor", "RPCDecompressor"},
	balancerPath:           {"TransientFailureError"},
	balancerPath + "/base": {"NewErrPickerV2"},
	metadataPath:           {"DecodeKeyValue"},
	passthroughPath:        {""},
	resolverPath + "/dns":  {""}, // not any more: today it has settings
	grpcPath + "/grpclog":  {"Print", "Printf", "Println"},
	grpcPath + "/stats":    {"PickerUpdated"},
}

// TestNothingIsMissed looks for all that the grpc-go in this binary has deprecated.
func TestNothingIsMissed(t *testing.T) {
	file, _ := runtime.FuncForPC(reflect.ValueOf(grpc.NewServer).Pointer()).FileLine(reflect.ValueOf(grpc.NewServer).Pointer())
	root := filepath.Dir(file)
	found := 0
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(root, name)
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"internal", "testdata", "examples", "interop", "test", "grpc_testing"}, d.Name()):
			return fs.SkipDir
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		pkg := path.Join(grpcPath, path.Dir(filepath.ToSlash(rel)))
		for _, thing := range deprecatedThings(t, name) {
			found++
			known := slices.ContainsFunc(deprecated, func(d left) bool { return d.path == pkg && (d.name == thing || d.name == "") })
			generated := strings.HasSuffix(name, ".pb.go") && strings.HasSuffix(thing, "Descriptor") // see rawDescriptor
			if !known && !generated && !slices.Contains(rewritten[pkg], thing) {
				t.Errorf("%s: %s.%s is deprecated, and no analyzer says so", rel, pkg, thing)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if found < 50 {
		t.Errorf("only %d things of %s are deprecated", found, root)
	}
}

// deprecatedThings returns what a file declares and says to be deprecated, in a
// paragraph of the comment that begins so.
func deprecatedThings(t *testing.T, name string) (things []string) {
	tree, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	add := func(thing string, docs ...*ast.CommentGroup) {
		for _, doc := range docs {
			for _, paragraph := range strings.Split(doc.Text(), "\n\n") {
				if strings.HasPrefix(paragraph, "Deprecated: ") && (thing == "" || ast.IsExported(thing)) {
					things = append(things, thing)
				}
			}
		}
	}
	fields := func(of string, list *ast.FieldList) {
		for _, field := range list.List {
			for _, id := range field.Names {
				add(of+"."+id.Name, field.Doc)
			}
		}
	}
	add("", tree.Doc)
	for _, decl := range tree.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			thing := d.Name.Name
			if d.Recv != nil {
				thing = receiver(d.Recv.List[0].Type) + "." + thing
			}
			add(thing, d.Doc)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch s := spec.(type) {
				case *ast.ValueSpec:
					for _, id := range s.Names {
						add(id.Name, d.Doc, s.Doc)
					}
				case *ast.TypeSpec:
					add(s.Name.Name, d.Doc, s.Doc)
					switch typ := s.Type.(type) {
					case *ast.StructType:
						fields(s.Name.Name, typ.Fields)
					case *ast.InterfaceType:
						fields(s.Name.Name, typ.Methods)
					}
				}
			}
		}
	}
	return things
}

func receiver(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}
