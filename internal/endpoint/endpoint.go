// Package endpoint has the endpoint of a dial target as grpc-go v1.29.1 saw it. It
// consists of pure functions.
package endpoint

import (
	"net/url"
	"strings"

	"google.golang.org/grpc/resolver"
)

// Of is the string that grpc-go v1.29.1 handed to Balancer.Start for the
// dial target t (internal/grpcutil/target.go there): everything behind
// "scheme://authority/" when the scheme has a resolver, and the whole target
// when it has none. resolver.Target.Endpoint is not that string: it lacks the
// query, the fragment, percent escapes and one leading slash.
//
// t has been through url.Parse. What that drops is lost here too:
//   - an empty fragment ("a#" comes back as "a");
//   - an empty host or path ("//" comes back as "", "dns:" as "dns://");
//   - the letter case of a scheme that has a resolver (v1.29.1 did not know "DNS", and
//     passed "DNS:///a" on whole);
//   - whether a character was a percent escape in "user@host" of "//user@host/path",
//     and in "%2A", which comes back as "*".
func Of(t resolver.Target) string {
	u := &t.URL
	switch {
	case u.Opaque != "": // "dns:a": not a scheme for v1.29.1
		return u.Scheme + ":" + u.Opaque + tail(u)
	case u.Scheme == "":
		return authority(u) + path(u) + tail(u)
	case u.OmitHost: // "dns:/a": likewise
		return u.Scheme + ":" + path(u) + tail(u)
	case u.Scheme == "unix" || u.Scheme == "unix-abstract": // without resolver in v1.29.1
		return u.Scheme + "://" + strings.TrimPrefix(authority(u), "//") + path(u) + tail(u)
	}
	rest, hasSlash := strings.CutPrefix(path(u), "/")
	if !hasSlash {
		if _, behind, ok := strings.Cut(tail(u), "/"); ok { // "dns://a?b/c": for v1.29.1 the authority is "a?b"
			return behind
		}
		// "dns://a": without endpoint, hence not a scheme for v1.29.1
		return u.Scheme + "://" + strings.TrimPrefix(authority(u), "//") + tail(u)
	}
	return rest + tail(u)
}

func authority(u *url.URL) string {
	switch {
	case u.User != nil:
		return "//" + u.User.String() + "@" + u.Host
	case u.Host != "":
		return "//" + u.Host
	}
	return ""
}

// path is the path as it was written. URL.EscapedPath is so only if net/url would
// have escaped the same characters. If not, RawPath has it.
func path(u *url.URL) string {
	switch {
	case u.RawPath != "":
		return u.RawPath
	case u.Path == "*" && (u.RawQuery != "" || u.ForceQuery): // EscapedPath says "*" to that, too
		return "%2A"
	}
	return u.EscapedPath()
}

// tail is the query and the fragment as they were written.
func tail(u *url.URL) string {
	var b strings.Builder
	if u.RawQuery != "" || u.ForceQuery {
		b.WriteString("?" + u.RawQuery)
	}
	switch {
	case u.RawFragment != "":
		b.WriteString("#" + u.RawFragment)
	case u.Fragment != "":
		b.WriteString("#" + u.EscapedFragment())
	}
	return b.String()
}
