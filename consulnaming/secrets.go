package consulnaming

import (
	"net/url"
	"os"
	"regexp"
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
	_, password, _ := strings.Cut(os.Getenv(api.HTTPAuthEnvName), ":")
	return append(s, password)
}

// uuid is the form of the tokens that Consul makes, and of their accessors,
// which are no secret and which Consul names in its errors.
var uuid = regexp.MustCompile(`(?i)(accessorid '?|accessor id '?)?\b[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}\b`)

const hiddenText = "<hidden>"

// hide replaces the secrets in text, and what looks like a token.
func (s secrets) hide(text string) string {
	for _, secret := range s {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, hiddenText)
		}
	}
	return uuid.ReplaceAllStringFunc(text, func(match string) string {
		if strings.HasPrefix(strings.ToLower(match), "accessor") {
			return match
		}
		return hiddenText
	})
}

// withoutPassword is an agent's address as it may be shown.
func withoutPassword(address string) string {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "", address
	} else {
		scheme += "://"
	}
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return address
	}
	user, _, _ := strings.Cut(rest[:at], ":")
	return scheme + url.User(user).String() + "@" + rest[at+1:]
}
