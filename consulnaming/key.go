package consulnaming

// Which watchers share a query. Resolve makes the key, which does not change.

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"io/fs"
	"os"
	"path/filepath"
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
// environment said, and the files that it named, when the client was made.
func keyOf(q *query, config *api.Config) key {
	var k key
	parts := struct {
		Service     string
		Agent       *identity
		Tags        []string
		PassingOnly bool
		Query       api.QueryOptions
		Entries     bool
	}{q.service, nil, q.asked.tags, q.asked.passingOnly, q.asked.query, q.entries}
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
	Files                                   map[string][]byte // that TLSConfig names
}

func identityOf(c *api.Config) *identity {
	return &identity{
		Address: c.Address, Scheme: c.Scheme, PathPrefix: c.PathPrefix, Datacenter: c.Datacenter,
		HttpAuth: c.HttpAuth,
		WaitTime: c.WaitTime,
		Token:    c.Token, TokenFile: c.TokenFile, Namespace: c.Namespace, Partition: c.Partition,
		TLSConfig: c.TLSConfig,
		Files:     contents(c.TLSConfig),
	}
}

// contents reads the files that a TLS configuration names. It leaves out what it
// cannot read: without that, there is no client.
func contents(c api.TLSConfig) map[string][]byte {
	files := make(map[string][]byte)
	for _, root := range []string{c.CAFile, c.CAPath, c.CertFile, c.KeyFile} {
		if root == "" {
			continue
		}
		_ = filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			if err == nil {
				if data, err := os.ReadFile(path); err == nil {
					files[path] = data
				}
			}
			return nil
		})
	}
	return files
}
