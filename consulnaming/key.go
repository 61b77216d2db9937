package consulnaming

// Which watchers share a query. Resolve makes the key, which does not change.

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/hashicorp/consul/api"
)

// key says which queries are the same one. It holds a hash, as part of what it
// is made of is secret.
type key struct {
	client *api.Client // that was given to New
	hash   [sha256.Size]byte
	alone  *query // the query, if it cannot be compared and is shared with nobody
}

// keyOf returns the key of q. config is what its client was made of, nil for a client
// that was given to New. Everything counts that can change the answer: also what the
// environment said when the client was made, but not what was in the files that it
// named.
func keyOf(q *query, config *api.Config) key {
	var k key
	parts := struct {
		Service string
		Agent   *identity
		Tags    []string
		Health  HealthRule
		Query   api.QueryOptions
		Entries bool
		Native  bool // others of their members are decoded

		Limit               int
		Timeout, MaxBackoff time.Duration
	}{
		q.service, nil, q.asked.tags, q.asked.health, q.asked.query, q.entries, q.view.native,
		q.asked.limit, q.asked.timeout, q.asked.maxBackoff,
	}
	if config == nil {
		k.client = q.client
	} else {
		parts.Agent = identityOf(config)
	}
	text, err := json.Marshal(parts)
	// A later version of package api may have a field that JSON has no form for. And
	// JSON makes the same of all bytes that are not UTF-8.
	if err != nil || bytes.Contains(text, []byte(`\ufffd`)) {
		return key{alone: q}
	}
	k.hash = sha256.Sum256(text)
	return k
}

// identity says which agent is asked, and by whom: all of a completed api.Config but
// Transport and HttpClient, which are made of the rest.
type identity struct {
	Address, Scheme, PathPrefix, Datacenter string
	HttpAuth                                *api.HttpBasicAuth
	WaitTime                                time.Duration
	Token, TokenFile, Namespace, Partition  string
	TLSConfig                               api.TLSConfig
}

func identityOf(c *api.Config) *identity {
	i := &identity{
		Address: c.Address, Scheme: c.Scheme, PathPrefix: c.PathPrefix, Datacenter: c.Datacenter,
		HttpAuth: c.HttpAuth,
		WaitTime: c.WaitTime,
		Token:    c.Token, TokenFile: c.TokenFile, Namespace: c.Namespace, Partition: c.Partition,
		TLSConfig: c.TLSConfig,
	}
	if i.TokenFile != "" {
		i.Token = "" // what is in the file may change, see environment.go
	}
	return i
}
