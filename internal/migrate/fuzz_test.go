package migrate

import (
	"bytes"
	"go/parser"
	"go/token"
	"testing"
)

// FuzzRewrite: what goes in and parses comes out parsing, as it was where
// nothing applies, and unchanged by a second run.
func FuzzRewrite(f *testing.F) {
	for _, a := range archives(f) {
		for _, name := range a.sources() {
			f.Add([]byte(a.files[name]))
		}
	}
	f.Add([]byte("package p;import(`google.golang.org/grpc`;\"fmt\");var x=f(grpc.WithWaitForHandshake(/**/),\n)"))
	f.Add([]byte("package p\r\nimport g\"google.golang.org/grpc\"//c\r\nvar x g.Address"))
	f.Add([]byte("\ufeffpackage p\nimport \"google.golang.org/grpc\"\nfunc f(){x=append(x,grpc.WithWaitForHandshake())}"))
	f.Add([]byte("package p\nimport\"google.golang.org/grpc\"\nvar naming=[]T{grpc.Backend%naming}"))
	f.Fuzz(func(t *testing.T, src []byte) {
		r, err := rewrite("f.go", src, Options{})
		if err != nil {
			if _, perr := parser.ParseFile(token.NewFileSet(), "f.go", src, parser.ParseComments); perr == nil {
				t.Fatalf("the source parses, and: %v", err)
			}
			if r.Changed() {
				t.Fatal("changed in spite of an error")
			}
			return
		}
		if r.Sites == 0 {
			if !bytes.Equal(r.New, src) {
				t.Fatalf("nothing applies, and it becomes\n%s", r.New)
			}
			return
		}
		if _, err := parser.ParseFile(token.NewFileSet(), "f.go", r.New, 0); err != nil {
			t.Fatalf("%v in\n%s", err, r.New)
		}
		again, err := rewrite("f.go", r.New, Options{})
		if err != nil || !bytes.Equal(again.New, r.New) {
			t.Fatalf("a second run makes of\n%s\nthis: %v\n%s", r.New, err, again.New)
		}
	})
}
