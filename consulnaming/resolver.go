package consulnaming

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/naming"
)

// NewConsulResolver returns a resolver that watches the healthy instances of
// service at the Consul agent at address.
//
// As in the article this package ports, Resolve ignores its target, unless
// service is "": then the target names the service. Resolve builds its client
// from api.DefaultConfig, so that CONSUL_HTTP_TOKEN, CONSUL_HTTP_SSL,
// CONSUL_CACERT, CONSUL_NAMESPACE and the rest of
// https://developer.hashicorp.com/consul/commands#environment-variables count.
// address takes the place of CONSUL_HTTP_ADDR, and may have its forms:
// "host:port", "https://host:port", "unix:///path". With "" the agent is the one
// that the environment names, or 127.0.0.1:8500.
//
// The connections to the agent belong to the watcher and end with its Close.
func NewConsulResolver(address, service string) naming.Resolver {
	return &resolver{address: address, service: service, options: newOptions(nil)}
}

// New returns a resolver that watches service through client, which stays the
// caller's. With service "" the target names the service. It takes what
// [NewConsulResolver] has no room for as options.
//
// A nil client makes Resolve fail. A token that client has from elsewhere than
// the environment is not known here: should an agent quote it in an error, it is
// hidden there only if it is a UUID, as Consul's own tokens are.
func New(client *api.Client, service string, opts ...Option) naming.Resolver {
	return &resolver{client: client, given: true, service: service, options: newOptions(opts)}
}

type resolver struct {
	address string // of the agent; unused if a client is given
	client  *api.Client
	given   bool // client was given to New, be it nil
	service string
	options options
}

var (
	errNilClient = errors.New("consulnaming: New was given a nil *api.Client; make one with api.NewClient")
	errNoService = errors.New("consulnaming: no service to watch: the resolver was made with the service \"\", and so the target must name one")
)

// Resolve returns a watcher, without asking the agent yet. It fails if there is
// no service to watch or the environment does not make a Consul client.
func (r *resolver) Resolve(target string) (naming.Watcher, error) {
	service := r.service
	if service == "" {
		service = target
	}
	if service == "" {
		return nil, errNoService
	}
	if r.given {
		if r.client == nil {
			return nil, errNilClient
		}
		return newWatcher(r.client, nil, "the given client's agent", service, r.options, environmentSecrets()), nil
	}
	config := api.DefaultConfig()
	if r.address != "" {
		config.Address = r.address
	}
	agent := "agent " + withoutPassword(config.Address)
	secrets := environmentSecrets()
	client, err := api.NewClient(config) // completes config
	if err != nil {
		return nil, fmt.Errorf("consulnaming: service %q, %s: %s", service, agent, secrets.hide(err.Error()))
	}
	return newWatcher(client, config.HttpClient, agent, service, r.options, secrets), nil
}

// closeIdle ends the connections of a client that is ours.
func closeIdle(own *http.Client) {
	if own != nil {
		own.CloseIdleConnections()
	}
}
