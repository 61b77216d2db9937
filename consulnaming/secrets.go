package consulnaming

// What an error or the log must not show. Resolve collects it, and it does not change.

import (
	"encoding/base64"
	"fmt"
	"html"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/consul/api"
)

// secrets are the tokens and passwords that a query may meet in an error, which
// must not show them. They are collected once, by Resolve.
type secrets []string

const hiddenText = "<hidden>"

// environmentSecrets are those that api.DefaultConfig takes from the
// environment. A client that was given to New most likely has them too.
func environmentSecrets() secrets {
	s := append(login(os.Getenv(api.HTTPAuthEnvName)), addressSecrets(os.Getenv(api.HTTPAddrEnvName))...)
	if token, err := os.ReadFile(os.Getenv(api.HTTPTokenFileEnvName)); err == nil {
		s = append(s, strings.TrimSpace(string(token)))
	}
	return append(s, os.Getenv(api.HTTPTokenEnvName))
}

// login has the secrets in "user:password": the password, and the header that
// HTTP's basic authentication makes of both.
func login(userinfo string) secrets {
	_, password, _ := strings.Cut(userinfo, ":")
	if password == "" {
		return nil
	}
	return secrets{password, base64.StdEncoding.EncodeToString([]byte(userinfo))}
}

// addressSecrets has those of an agent's address, "scheme://user:password@host".
// Package api takes "user:password@" for a part of the host's name, or what is
// behind a slash for a path. So net/http does not know a password there and shows it.
func addressSecrets(address string) secrets {
	if _, rest, ok := strings.Cut(address, "://"); ok {
		address = rest
	}
	userinfo := address[:max(0, strings.LastIndex(address, "@"))]
	host, _, _ := strings.Cut(userinfo, "/")
	s := append(login(userinfo), login(host)...)
	if plain, err := url.PathUnescape(userinfo); err == nil {
		s = append(s, login(plain)...)
	}
	return s
}

// uuid is the form of the tokens that Consul makes. Their accessors have it too:
// those are no secret, and Consul names them in its errors.
var uuid = regexp.MustCompile(`(?i)(accessorid '?|accessor id '?)?\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b`)

// hide replaces the secrets in text, and what looks like a token.
func (s secrets) hide(text string) string {
	var all []string
	for _, secret := range s {
		if secret != "" {
			all = append(all, spelling(secret))
		}
	}
	if len(all) > 0 {
		pattern, err := regexp.Compile("(?i)" + strings.Join(all, "|"))
		if err != nil {
			return hiddenText // a secret of 100 kB
		}
		pattern.Longest() // one secret may be a part of another
		text = pattern.ReplaceAllLiteralString(text, hiddenText)
	}
	return uuid.ReplaceAllStringFunc(text, func(match string) string {
		if strings.HasPrefix(strings.ToLower(match), "accessor") {
			return match
		}
		return hiddenText
	})
}

// spelling is a regular expression for secret in which each character may stand as
// it is, or as it does in a URL, in HTML, in JSON or in quotes.
func spelling(secret string) string {
	var pattern strings.Builder
	for _, r := range secret {
		c := string(r)
		quoted := strconv.Quote(c)
		plain := []string{c, strings.ReplaceAll(fmt.Sprintf(" % x", c), " ", "%"), html.EscapeString(c), quoted[1 : len(quoted)-1], fmt.Sprintf(`\u%04x`, r)}
		if r == ' ' {
			plain = append(plain, "+")
		}
		for i, p := range plain {
			plain[i] = regexp.QuoteMeta(p)
		}
		pattern.WriteString("(?:" + strings.Join(plain, "|") + ")")
	}
	return pattern.String()
}
