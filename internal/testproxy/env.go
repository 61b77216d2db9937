package testproxy

import (
	"net/url"
	"path/filepath"
	"strings"
)

// URL is what GOPROXY has to be for the proxy in dir.
func URL(dir string) string {
	u := url.URL{Scheme: "file", Path: "/" + strings.TrimPrefix(filepath.ToSlash(dir), "/")}
	return u.String()
}

// Env is what the go command has to have in its environment to use the proxy
// in dir and nothing else: no network, no other toolchain than the one that
// runs, no settings of whoever runs the tests. Modules go to cache, which
// os.RemoveAll can remove.
func Env(dir, cache string) []string {
	return []string{
		"GOPROXY=" + URL(dir),
		"GOMODCACHE=" + cache,
		"GOFLAGS=-modcacherw",
		"GOSUMDB=off",
		"GONOSUMDB=*",
		"GOPRIVATE=",
		"GONOPROXY=",
		"GOTOOLCHAIN=local",
		"GOENV=off",
		"GOWORK=",
	}
}
