package endpoint

import (
	"net/url"
	"testing"

	"google.golang.org/grpc/resolver"
)

// TestEndpoint has the rule of grpc-go v1.29.1 on the target as it was typed:
// what is behind "scheme://authority/" when the scheme is registered, all of it
// otherwise.
func TestEndpoint(t *testing.T) {
	tests := []struct{ target, scheme, rest string }{ // scheme "": not registered
		{"", "", ""},
		{"svc", "", ""},
		{"a/b/c", "", ""},
		{"/a", "", ""},
		{"//host/path", "", ""},
		{"//user@host/path", "", ""},
		{"svc?q", "", ""},
		{"svc?", "", ""},
		{"svc#f", "", ""},
		{"a%2fb", "", ""},
		{"a%2Fb%20c", "", ""},
		{"a b", "", ""},
		{"*", "", ""},
		{"*?q", "", ""},
		{"%2A?q", "", ""},
		{"%2A?", "", ""},
		{"%2a", "", ""},
		{"grüße", "", ""},
		{"svc#fr%2Fag", "", ""},
		{"svc?a=%2F&b=ü#%C3%BC", "", ""},
		{"dns:svc", "", ""},
		{"dns:/svc", "", ""},
		{"dns:svc:80?q#f", "", ""},
		{"dns://svc", "", ""},
		{"dns://svc?q", "", ""},
		{"dns://svc?q/a#b/c", "dns", "a#b/c"},
		{"dns:///svc", "dns", "svc"},
		{"dns:////svc", "dns", "/svc"},
		{"dns://8.8.8.8/svc:80?q=%41#f", "dns", "svc:80?q=%41#f"},
		{"dns:///", "dns", ""},
		{"passthrough:///h1:1,h2:2", "passthrough", "h1:1,h2:2"},
		{"passthrough:///http://127.0.0.1:2379", "passthrough", "http://127.0.0.1:2379"},
		{"passthrough://auth/a%2Fb", "passthrough", "a%2Fb"},
		{"unix:///tmp/a.sock", "", ""},
		{"unix:/tmp/a.sock", "", ""},
		{"unix:a.sock", "", ""},
		{"unix-abstract:a", "", ""},
		{"unix://user@host/a", "", ""},
		{"legacy:///svc?tag=a", "legacy", "svc?tag=a"},
	}
	for _, test := range tests {
		u, err := url.Parse(test.target)
		if err != nil {
			t.Errorf("%q: %v", test.target, err)
			continue
		}
		want := test.target
		if test.scheme != "" {
			want = test.rest
		}
		if got := Of(resolver.Target{URL: *u}); got != want {
			t.Errorf("Of(%q) = %q, want %q", test.target, got, want)
		}
	}
}
