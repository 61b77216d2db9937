package consulnaming

// How an agent is reached, where the caller says something else than the environment.

import (
	"net/url"
	"strings"

	"github.com/hashicorp/consul/api"
)

// agentConfig takes the place of parts of the environment. The zero value takes none.
type agentConfig struct {
	address  string // as CONSUL_HTTP_ADDR has it
	scheme   string // "http" or "https"
	insecure *bool  // whether the agent's certificate is not verified
	user     *url.Userinfo
}

func (a *agentConfig) apply(c *api.Config) {
	if a.address != "" {
		c.Address = a.address
	}
	if a.scheme != "" {
		c.Scheme = a.scheme
		// Package api prefers the scheme of an address.
		for _, s := range []string{"http://", "https://"} {
			c.Address = strings.TrimPrefix(c.Address, s)
		}
	}
	if a.insecure != nil {
		c.TLSConfig.InsecureSkipVerify = *a.insecure
	}
	if a.user != nil {
		password, _ := a.user.Password()
		c.HttpAuth = &api.HttpBasicAuth{Username: a.user.Username(), Password: password}
	}
}

func (a *agentConfig) secrets() secrets {
	if a.user == nil {
		return nil
	}
	password, _ := a.user.Password()
	return login(a.user.Username() + ":" + password)
}
