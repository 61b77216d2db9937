// Package peers has the ways there are to let a ClientConn of today's grpc-go
// follow a service of Consul, ours and others', to be measured beside each other.
package peers

import (
	"net/url"
	"slices"
	"strings"

	"github.com/hashicorp/consul/api"
	_ "github.com/mbobakov/grpc-consul-resolver" // registers the scheme consul
	simplesurance "github.com/simplesurance/grpcconsulresolver/consul"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/resolver"

	"github.com/grpcnaming/grpcnaming/adapter"
	"github.com/grpcnaming/grpcnaming/consulnaming"
	"github.com/grpcnaming/grpcnaming/naming"
)

// A Client is one way to follow a service: the instances that are healthy and have
// all tags, round robin.
type Client struct {
	Name string
	Ours bool // and so has to come through every fault
	// Dial makes a ClientConn that connects at once, as the agent at consul says.
	Dial func(consul, service string, tags []string, opts ...grpc.DialOption) (*grpc.ClientConn, error)
}

// Clients are all that there are, ours first.
var Clients = []Client{
	{"WithBalancer", true, dialShim},
	{"NewBuilder", true, func(consul, service string, tags []string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
		return dialTarget(consul, service, url.Values{"tag": tags}, consulnaming.NewBuilder(), opts...)
	}},
	{"mbobakov", false, func(consul, service string, tags []string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
		// It has one tag, and takes instances that are not healthy unless told.
		return dialTarget(consul, service, url.Values{"healthy": {"true"}, "tag": tags}, nil, opts...)
	}},
	{"simplesurance", false, func(consul, service string, tags []string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
		query := url.Values{}
		if len(tags) > 0 {
			query.Set("tags", strings.Join(tags, ","))
		}
		return dialTarget(consul, service, query, simplesurance.NewBuilder(), opts...)
	}},
}

// Keeping is the first of Clients, with the option that keeps the last instances when
// the agent says that there are none.
var Keeping = Client{"WithBalancer, KeepLastKnown", true, func(consul, service string, tags []string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	client, err := api.NewClient(&api.Config{Address: consul})
	if err != nil {
		return nil, err
	}
	return dialResolver(consulnaming.New(client, service, consulnaming.Tags(tags...), consulnaming.KeepLastKnown()), opts...)
}}

// Find returns the client of that name.
func Find(name string) (c Client, ok bool) {
	all := append(slices.Clone(Clients), Keeping)
	i := slices.IndexFunc(all, func(c Client) bool { return c.Name == name })
	if i < 0 {
		return c, false
	}
	return all[i], true
}

// dialShim is the legacy spelling, with changed imports only.
func dialShim(consul, service string, tags []string, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	r := consulnaming.NewConsulResolver(consul, service)
	if len(tags) > 0 {
		client, err := api.NewClient(&api.Config{Address: consul})
		if err != nil {
			return nil, err
		}
		r = consulnaming.New(client, service, consulnaming.Tags(tags...))
	}
	return dialResolver(r, opts...)
}

func dialResolver(r naming.Resolver, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	return grpc.Dial("", append(opts, grpc.WithInsecure(), adapter.WithBalancer(adapter.RoundRobin(r)))...)
}

// dialTarget is the scheme consul, as b resolves it or, if that is nil, whoever has
// registered it.
func dialTarget(consul, service string, query url.Values, b resolver.Builder, opts ...grpc.DialOption) (*grpc.ClientConn, error) {
	if b != nil {
		opts = append(opts, grpc.WithResolvers(b))
	}
	target := url.URL{Scheme: "consul", Host: consul, Path: "/" + service, RawQuery: query.Encode()}
	conn, err := grpc.NewClient(target.String(), append(opts,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(`{"loadBalancingConfig":[{"round_robin":{}}]}`))...)
	if err == nil {
		conn.Connect()
	}
	return conn, err
}
