package consulnaming

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"html"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"
)

// secrets are texts that must not be in an error or in the log.
type secrets []string

// environmentSecrets are those that api.DefaultConfig takes from the
// environment. A client that was given to New has most likely got them too.
func environmentSecrets() (s secrets) {
	s = append(s, os.Getenv(api.HTTPTokenEnvName))
	if file := os.Getenv(api.HTTPTokenFileEnvName); file != "" {
		if token, err := os.ReadFile(file); err == nil {
			s = append(s, strings.TrimSpace(string(token)))
		}
	}
	user, password, _ := strings.Cut(os.Getenv(api.HTTPAuthEnvName), ":")
	s = append(s, login(user, password)...)
	return append(s, addressSecrets(os.Getenv(api.HTTPAddrEnvName))...)
}

// login has what gives a password away: itself, and what HTTP's basic
// authentication makes of it.
func login(user, password string) secrets {
	if password == "" {
		return nil
	}
	return secrets{password, base64.StdEncoding.EncodeToString([]byte(user + ":" + password))}
}

// addressSecrets are those in an agent's address, as they stand there and as they
// are meant. Package api takes "user:password@" for a part of the host's name, and
// so net/http and package net do not know it for what it is.
func addressSecrets(address string) secrets {
	_, userinfo, _ := splitAddress(address)
	user, password, _ := strings.Cut(userinfo, ":")
	s := login(user, password)
	if host, _, ok := strings.Cut(password, "/"); ok {
		s = append(s, host) // what is left is a path there
	}
	plainUser, err := url.PathUnescape(user)
	plain, err2 := url.PathUnescape(password)
	if err == nil && err2 == nil {
		s = append(s, login(plainUser, plain)...)
	}
	return s
}

// uuid is the form of the tokens that Consul makes, and of their accessors,
// which are no secret and which Consul names in its errors.
var uuid = regexp.MustCompile(`(?i)(accessorid '?|accessor id '?)?\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b`)

const hiddenText = "<hidden>"

// keepToken follows a redirect, of ten at most, and keeps what is secret in the
// request from another host, and from whoever listens where TLS is left: net/http
// knows of no X-Consul-Token.
func keepToken(r *http.Request, via []*http.Request) error {
	if len(via) == 10 {
		return errors.New("redirected ten times")
	}
	first := via[0].URL
	if r.URL.Hostname() != first.Hostname() || first.Scheme == "https" && r.URL.Scheme != "https" {
		r.Header.Del("X-Consul-Token")
		r.Header.Del("Authorization")
	}
	return nil
}

// hide replaces the secrets in text, however they are spelt, and what looks like
// a token.
func (s secrets) hide(text string) string {
	var all []string
	for _, secret := range s {
		if secret != "" {
			all = append(all, spellings(secret)...)
		}
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(len(b), len(a)) }) // one may be a part of another
	var pairs []string
	for _, spelling := range all {
		pairs = append(pairs, spelling, hiddenText)
	}
	text = strings.NewReplacer(pairs...).Replace(text)
	return uuid.ReplaceAllStringFunc(text, func(match string) string {
		if strings.HasPrefix(strings.ToLower(match), "accessor") {
			return match
		}
		return hiddenText
	})
}

// spellings has the secret and what it looks like as a part of a URL or of a page
// that somebody answers with, plain and in quotes: those that net/http puts around
// one, and JSON's.
func spellings(secret string) (all []string) {
	for _, s := range []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		strings.TrimPrefix(url.UserPassword("", secret).String(), ":"),
		strings.TrimPrefix((&url.URL{Host: secret}).String(), "//"),
		html.EscapeString(secret),
	} {
		quoted := strconv.Quote(s)
		all = append(all, s, quoted[1:len(quoted)-1])
	}
	if quoted, err := json.Marshal(secret); err == nil {
		all = append(all, string(quoted[1:len(quoted)-1]))
	}
	return all
}

// withoutPassword is an agent's address as it may be shown.
func withoutPassword(address string) string {
	scheme, userinfo, host := splitAddress(address)
	if userinfo == "" {
		return scheme + host
	}
	user, _, _ := strings.Cut(userinfo, ":")
	return scheme + url.User(user).String() + "@" + host
}

// splitAddress splits "scheme://user:password@host" as it is written; what is not
// there is "".
func splitAddress(address string) (scheme, userinfo, host string) {
	host = address
	if before, after, ok := strings.Cut(address, "://"); ok {
		scheme, host = before+"://", after
	}
	if at := strings.LastIndex(host, "@"); at >= 0 {
		userinfo, host = host[:at], host[at+1:]
	}
	return scheme, userinfo, host
}
