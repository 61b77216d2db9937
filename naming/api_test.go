package naming

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The signatures of grpc-go v1.29.1.
var (
	_ func() (Resolver, error)              = NewDNSResolver
	_ func(time.Duration) (Resolver, error) = NewDNSResolverWithFreq
)

func TestTypesAreThoseOfV1291(t *testing.T) {
	for _, c := range []struct {
		value any
		want  string
	}{
		{Operation(0), "uint8"},
		{AddressType(0), "uint8"},
		{Update{}, "struct{Op naming.Operation; Addr string; Metadata interface {}}"},
		{AddrMetadataGRPCLB{}, "struct{AddrType naming.AddressType; ServerName string}"},
		{(*Resolver)(nil), "interface{Resolve func(string) (naming.Watcher, error)}"},
		{(*Watcher)(nil), "interface{Close func(); Next func() ([]*naming.Update, error)}"},
	} {
		if got := shape(reflect.TypeOf(c.value)); got != c.want {
			t.Errorf("%T is %s, want %s", c.value, got, c.want)
		}
	}
}

// shape spells out the underlying type of t, or of the interface t points to.
func shape(t reflect.Type) string {
	var parts []string
	switch t.Kind() {
	case reflect.Pointer:
		t = t.Elem()
		for i := range t.NumMethod() {
			m := t.Method(i)
			parts = append(parts, m.Name+" "+m.Type.String())
		}
	case reflect.Struct:
		for i := range t.NumField() {
			f := t.Field(i)
			part := f.Name + " " + f.Type.String()
			if f.Tag != "" {
				part += " " + strconv.Quote(string(f.Tag))
			}
			parts = append(parts, part)
		}
	default:
		return t.Kind().String()
	}
	return fmt.Sprintf("%v{%s}", t.Kind(), strings.Join(parts, "; "))
}

func TestConstantsAreThoseOfV1291(t *testing.T) {
	if Add != 0 || Delete != 1 {
		t.Errorf("Add, Delete = %d, %d, want 0, 1", Add, Delete)
	}
	if Backend != 0 || GRPCLB != 1 {
		t.Errorf("Backend, GRPCLB = %d, %d, want 0, 1", Backend, GRPCLB)
	}
	if reflect.TypeOf(Add) != reflect.TypeFor[Operation]() || reflect.TypeOf(GRPCLB) != reflect.TypeFor[AddressType]() {
		t.Errorf("Add is a %T, GRPCLB a %T", Add, GRPCLB)
	}
}

// etcd users keep this text.
func TestJSONIsThatOfV1291(t *testing.T) {
	for want, u := range map[string]Update{
		`{"Op":0,"Addr":"1.2.3.4:80","Metadata":null}`: {Addr: "1.2.3.4:80"},
		`{"Op":1,"Addr":"[::1]:80","Metadata":"m"}`:    {Op: Delete, Addr: "[::1]:80", Metadata: "m"},
	} {
		got, err := json.Marshal(u)
		if err != nil || string(got) != want {
			t.Errorf("Marshal(%+v) = %s, %v, want %s", u, got, err, want)
		}
		var back Update
		if err := json.Unmarshal([]byte(want), &back); err != nil || back != u {
			t.Errorf("Unmarshal(%s) = %+v, %v, want %+v", want, back, err, u)
		}
	}
	got, err := json.Marshal(lb(Add, "1.2.3.4:80", "lb."))
	const want = `{"Op":0,"Addr":"1.2.3.4:80","Metadata":{"AddrType":1,"ServerName":"lb."}}`
	if err != nil || string(got) != want {
		t.Errorf("Marshal = %s, %v, want %s", got, err, want)
	}
}

// nonTestFiles parses what users compile.
func nonTestFiles(t *testing.T) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]*ast.File{}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = f
	}
	return files
}

// Programs come here to get rid of old dependencies, not to gain new ones.
func TestImportsAreStandardLibraryAndGrpclog(t *testing.T) {
	for name, f := range nonTestFiles(t) {
		for _, spec := range f.Imports {
			path, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			if first, _, _ := strings.Cut(path, "/"); strings.Contains(first, ".") && path != "google.golang.org/grpc/grpclog" {
				t.Errorf("%s imports %s", name, path)
			}
		}
	}
}

func TestExportedNamesAreThoseOfV1291AndDeprecated(t *testing.T) {
	var names []string
	check := func(id *ast.Ident, docs ...*ast.CommentGroup) {
		if !id.IsExported() {
			return
		}
		names = append(names, id.Name)
		for _, doc := range docs {
			if strings.Contains(doc.Text(), "\nDeprecated: ") {
				return
			}
		}
		// Add and Delete follow Operation, whose doc comment says it.
		if id.Name != "Add" && id.Name != "Delete" {
			t.Errorf("the doc comment of %s has no Deprecated paragraph", id.Name)
		}
	}
	for _, f := range nonTestFiles(t) {
		for _, decl := range f.Decls {
			switch d := decl.(type) {
			case *ast.FuncDecl:
				if d.Recv == nil {
					check(d.Name, d.Doc)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					switch s := spec.(type) {
					case *ast.TypeSpec:
						check(s.Name, s.Doc, d.Doc)
					case *ast.ValueSpec:
						for _, id := range s.Names {
							check(id, s.Doc, d.Doc)
						}
					}
				}
			}
		}
	}
	slices.Sort(names)
	want := []string{"Add", "AddrMetadataGRPCLB", "AddressType", "Backend", "Delete", "GRPCLB", "NewDNSResolver",
		"NewDNSResolverWithFreq", "Operation", "Resolver", "Update", "Watcher"}
	if !slices.Equal(names, want) {
		t.Errorf("the package exports\n%v, want\n%v", names, want)
	}
}
