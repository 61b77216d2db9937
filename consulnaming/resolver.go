package consulnaming

import (
	"errors"
	"fmt"

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
// Watchers of one process share a query if it is the same one: the same agent
// and service, and the same settings, down to the content of certificate files.
// The query and its connection end with the Close of the last of them. An answer of
// more than 256 MB, decompressed, is an error.
func NewConsulResolver(address, service string) naming.Resolver {
	return &resolver{&settings{address: address, service: service, options: newOptions(nil)}}
}

// New returns a resolver that watches service through client, which stays the
// caller's. With service "" the target names the service. It takes what
// [NewConsulResolver] has no room for as options.
//
// Watchers of one process share a query if they have the client, the service,
// and the options in common; of [AddressFunc] and [MetadataFunc], which need
// not be the same ones, whether there are any.
//
// A nil client makes Resolve fail. A token or password that client has from
// elsewhere than the environment is not known here: should it be quoted in an
// error, it is hidden there only if it is a UUID, as Consul's own tokens are. How
// much of an answer is read into memory only client's transport can bound, and a dead
// connection under HTTP/2, which newer versions of package api speak to https
// addresses, ends when TCP notices, unless ForceAttemptHTTP2 of the transport is
// false.
func New(client *api.Client, service string, opts ...Option) naming.Resolver {
	return &resolver{&settings{client: client, given: true, service: service, options: newOptions(opts)}}
}

// resolver has its settings behind a pointer, as package fmt does not call Format
// for what is in an unexported field of a user's, and follows one pointer there.
type resolver struct{ *settings }

type settings struct {
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
	q := &query{service: service, asked: r.options.asked, entries: !r.options.view.plain(), secrets: append(environmentSecrets(), r.options.query.Token)}
	if r.given {
		if r.client == nil {
			return nil, errNilClient
		}
		q.client, q.agent = r.client, "the given client's agent"
		q.key = keyOf(q, nil)
		return newWatcher(q, &r.options), nil
	}
	config := api.DefaultConfig()
	if r.address != "" {
		config.Address = r.address
	}
	q.secrets = append(q.secrets, addressSecrets(config.Address)...)
	q.agent = "agent " + addressSecrets(config.Address).hide(config.Address)
	// A loop has one query at a time. But net/http goes on with a dial that a query has
	// stopped waiting for, and would keep what comes of it beside the other.
	config.Transport.MaxIdleConnsPerHost = 1
	// One query at a time has no use for HTTP/2, where a query that is given up does not
	// end its connection: a dead one would be used again and again.
	config.Transport.ForceAttemptHTTP2 = false
	client, err := api.NewClient(config) // completes config
	if err != nil {
		return nil, fmt.Errorf("consulnaming: service %q, %s: %s", service, q.agent, q.secrets.hide(err.Error()))
	}
	q.client, q.own = client, config.HttpClient
	q.own.Transport = &bounded{next: q.own.Transport, answer: answerBound, reason: reasonBound}
	q.own.CheckRedirect = keepToken
	q.key = keyOf(q, config)
	return newWatcher(q, &r.options), nil
}
