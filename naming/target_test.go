package naming

import (
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for target, want := range map[string][2]string{
		"foo.bar":            {"foo.bar", "443"},
		"foo.bar.":           {"foo.bar.", "443"},
		"foo.bar:12345":      {"foo.bar", "12345"},
		"foo.bar:":           {"foo.bar", "443"},
		"golang.org:http":    {"golang.org", "http"},
		"localhost":          {"localhost", "443"},
		":80":                {"localhost", "80"},
		":":                  {"localhost", "443"},
		"[]:80":              {"localhost", "80"},
		"127.0.0.1":          {"127.0.0.1", "443"},
		"127.0.0.1:80":       {"127.0.0.1", "80"},
		"127.0.0...1:80":     {"127.0.0...1", "80"},
		"::1":                {"::1", "443"},
		"[::1]":              {"::1", "443"},
		"[::1]:":             {"::1", "443"},
		"[::1]:80":           {"::1", "80"},
		"[2001:db8::1]:http": {"2001:db8::1", "http"},
		"[fe80::1%lo0]":      {"fe80::1%lo0", "443"},
		"[fe80::1%lo0]:80":   {"fe80::1%lo0", "80"},
		"fe80::1%lo0":        {"fe80::1%lo0", "443"},
	} {
		host, port, err := parseTarget(target)
		if err != nil || host != want[0] || port != want[1] {
			t.Errorf("parseTarget(%q) = %q, %q, %v, want %q", target, host, port, err, want)
		}
	}
	for _, target := range []string{"", "[::1", "::1]", "[::1]80", "foo:80:90", "[foo"} {
		host, port, err := parseTarget(target)
		if err == nil {
			t.Errorf("parseTarget(%q) = %q, %q, want an error", target, host, port)
		} else if !strings.Contains(err.Error(), target) {
			t.Errorf("parseTarget(%q): %q does not name the target", target, err)
		}
	}
}

// grpc-go v1.29.1 had no address for the first three of these, and one that
// cannot be dialled for the last.
func TestIPv6IsJoinedProperly(t *testing.T) {
	startDNS(t) // which none of these asks
	for target, want := range map[string]string{
		"[fe80::1%lo0]:80": "[fe80::1%lo0]:80",
		"[fe80::1%lo0]":    "[fe80::1%lo0]:443",
		"fe80::1%lo0":      "[fe80::1%lo0]:443",
		"::ffff:1.2.3.4":   "[::ffff:1.2.3.4]:443",
	} {
		wantNext(t, watch(t, target), Update{Addr: want})
	}
}
