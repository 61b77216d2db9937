package consulnaming

// The two ways to make a naming.Resolver. Resolve makes a query and a watcher, and asks
// nobody. Any goroutine may call it, as a resolver does not change.

import (
	"errors"
	"fmt"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/naming"
)

// NewConsulResolver returns a resolver that watches the healthy instances of
// service at the Consul agent at address.
//
// As in the article, Resolve ignores its target, unless service is "": then the
// target names the service. Resolve makes its client from api.DefaultConfig, so
// that CONSUL_HTTP_TOKEN, CONSUL_HTTP_SSL, CONSUL_CACERT, CONSUL_NAMESPACE and the
// rest of https://developer.hashicorp.com/consul/commands#environment-variables
// count. address takes the place of CONSUL_HTTP_ADDR, and may have its forms:
// "host:port", "https://host:port", "unix:///path". With "" the agent is the one
// that the environment names, or 127.0.0.1:8500.
//
// Files that the environment names (CONSUL_HTTP_TOKEN_FILE, CONSUL_CACERT,
// CONSUL_CAPATH, CONSUL_CLIENT_CERT, CONSUL_CLIENT_KEY) may be rewritten: they are
// read once a second, and what they say now is used from then on. A file that is
// missing or empty is taken for one that is being written.
//
// Watchers of one process share a query if they have the same agent, service and
// settings, whatever is in those files. The query and its connection end with the
// Close of the last watcher. An answer of more than 256 MB after decompression is an
// error.
func NewConsulResolver(address, service string) naming.Resolver {
	return &namingResolver{&settings{agent: agentConfig{address: address}, service: service, options: newOptions(nil)}}
}

// New returns a resolver that watches service through client, which stays the
// caller's. With service "" the target names the service. It takes what
// [NewConsulResolver] has no room for as options.
//
// Watchers of one process share a query if they have the same client, service and
// options. Their [AddressFunc] and [MetadataFunc] may differ; but watchers that have
// one share no query with those that have none.
//
// A nil client makes Resolve fail. What comes with client is client's own:
//
//   - A token or password that is not in the environment is unknown here. If an error
//     quotes it, it is hidden only if it is a UUID, as Consul's own tokens are.
//   - Only client's transport can bound how much of an answer is read into memory.
//   - Newer versions of package api speak HTTP/2 to https addresses. A dead connection
//     then ends only when TCP notices. Set ForceAttemptHTTP2 of the transport to
//     false to end it with the query.
func New(client *api.Client, service string, opts ...Option) naming.Resolver {
	return &namingResolver{&settings{client: client, given: true, service: service, options: newOptions(opts)}}
}

// namingResolver has its settings behind a pointer, so that fmt does not show them: for a
// resolver in an unexported field of a user's struct it does not call Format.
type namingResolver struct{ *settings }

type settings struct {
	agent   agentConfig // unused if a client is given
	client  *api.Client
	given   bool // client was given by the user, be it nil
	service string
	options options
}

var (
	errNilClient = errors.New("consulnaming: the *api.Client is nil; make one with api.NewClient")
	errNoService = errors.New("consulnaming: no service to watch: the resolver was made with the service \"\", and so the target must name one")

	errEndpointFunc = errors.New("consulnaming: EndpointFunc is for NewBuilder: a naming.Update has no endpoint; use MetadataFunc")
	errMetadataFunc = errors.New("consulnaming: MetadataFunc is for New: a resolver.State has no Metadata; read an instance with InstanceOf, or use EndpointFunc")
)

// Resolve returns a watcher, without asking the agent yet. It fails if there is
// no service to watch or the environment does not make a Consul client.
func (r *namingResolver) Resolve(target string) (naming.Watcher, error) {
	if r.options.endpoint != nil {
		return nil, errEndpointFunc
	}
	if r.options.agent != "" {
		return nil, errAgent
	}
	service := r.service
	if service == "" {
		service = target
	}
	if service == "" {
		return nil, errNoService
	}
	q, err := r.query(service)
	if err != nil {
		return nil, err
	}
	return newWatcher(q, &r.options), nil
}

// query makes the query that watches service.
func (s *settings) query(service string) (*query, error) {
	q := &query{service: service, asked: s.options.asked, secrets: append(environmentSecrets(), s.options.query.Token)}
	if s.options.view.users() {
		q.entries = true
	} else {
		q.view = s.options.view
	}
	if s.given {
		if s.client == nil {
			return nil, errNilClient
		}
		q.client, q.agent = s.client, "the given client's agent"
		q.key = keyOf(q, nil)
		return q, nil
	}
	q.environment = environmentOf(s.agent, q.members())
	address := q.environment.config.Address
	q.secrets = append(append(q.secrets, addressSecrets(address)...), s.agent.secrets()...)
	q.agent = "agent " + addressSecrets(address).hide(address)
	client, config, err := q.environment.client()
	if err != nil {
		return nil, fmt.Errorf("consulnaming: service %q, %s: %s", service, q.agent, q.secrets.hide(err.Error()))
	}
	q.environment.secrets = q.secrets
	q.client = client
	q.own.Store(config.HttpClient)
	q.key = keyOf(q, config)
	return q, nil
}
