package migrate

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
)

const (
	draftPicker = "package p\n\nimport \"google.golang.org/grpc/balancer\"\n\nvar o balancer.PickOptions\n"
	eitherWay   = "package p\n\nimport \"google.golang.org/grpc/balancer\"\n\nvar b = balancer.Get(\"x\")\n"
	todaysWay   = "package p\n\nimport (\n\t\"google.golang.org/grpc/balancer\"\n\t\"google.golang.org/grpc/balancer/base\"\n)\n\n" +
		"var b balancer.Builder = base.NewBalancerBuilder(\"x\", nil, base.Config{})\n"
	same = "package p\n\nimport \"google.golang.org/grpc/balancer\"\n\nvar sc balancer.SubConn\n"
)

// A package that could be written against either balancer API goes with what its
// module was built with: what go.mod says, or what another package shows.
func TestDraftByModule(t *testing.T) {
	tests := []struct {
		name, goMod, beside string
		moves               bool
	}{
		{"grpc-go of the draft", "module m\n\nrequire google.golang.org/grpc v1.29.1\n", "", true},
		{"grpc-go of the draft, by a replace directive", "module m\n\nrequire google.golang.org/grpc v1.85.0\n\nreplace google.golang.org/grpc => google.golang.org/grpc v1.26.0\n", "", true},
		{"later", "module m\n\nrequire google.golang.org/grpc v1.30.0\n", "", false},
		{"later, but another package is of the draft", "module m\n\nrequire google.golang.org/grpc v1.85.0\n", draftPicker, true},
		{"not said", "module m\n", "", false},
		{"no go.mod", "", draftPicker, true},
		{"another package that has moved", "module m\n", "package p\n\nimport _ \"" + draftBalancerPath + "\"\n", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			for name, src := range map[string]string{"go.mod": test.goMod, "beside/f.go": test.beside, "either/f.go": eitherWay, "today/f.go": todaysWay, "same/f.go": same} {
				if src != "" {
					writeFile(t, filepath.Join(dir, name), src)
				}
			}
			// A module in a module has nothing to do with it.
			writeFile(t, filepath.Join(dir, "nested/go.mod"), "module n\n")
			writeFile(t, filepath.Join(dir, "nested/f.go"), eitherWay)
			out, err := Run(context.Background(), []string{dir + "/..."}, Options{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			if test.beside == draftPicker {
				want = append(want, filepath.Join(dir, "beside/f.go"))
			}
			if test.moves {
				want = append(want, filepath.Join(dir, "either/f.go"))
			}
			for _, f := range out.Files {
				got = append(got, f.Name)
			}
			if !slices.Equal(got, want) {
				t.Errorf("changed: %q, want %q", got, want)
			}
		})
	}
}
