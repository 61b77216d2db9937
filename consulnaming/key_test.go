package consulnaming

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/naming"
)

// Who asks for something else, or as somebody else, has a query of his own.
func TestWhatIsShared(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	client := s.Client()
	options := func(o ...Option) func(t *testing.T) naming.Resolver {
		return func(*testing.T) naming.Resolver { return New(client, "svc", o...) }
	}
	query := func(q api.QueryOptions) func(t *testing.T) naming.Resolver { return options(QueryOptions(&q)) }
	environment := func(name, value string) func(t *testing.T) naming.Resolver {
		return func(t *testing.T) naming.Resolver {
			t.Setenv(name, value)
			return NewConsulResolver(s.Address(), "svc")
		}
	}
	file := func(variable, content string) func(t *testing.T) naming.Resolver {
		path := filepath.Join(t.TempDir(), "file")
		return func(t *testing.T) naming.Resolver {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			return environment(variable, path)(t)
		}
	}
	rotated := func(variable string, content ...string) (r []func(t *testing.T) naming.Resolver) {
		path := filepath.Join(t.TempDir(), rand.Text())
		for _, c := range content {
			r = append(r, func(t *testing.T) naming.Resolver {
				if err := os.WriteFile(path, []byte(c), 0o600); err != nil {
					t.Fatal(err)
				}
				return environment(variable, path)(t)
			})
		}
		return r
	}
	tokens := rotated("CONSUL_HTTP_TOKEN_FILE", "one", "two")
	roots := rotated("CONSUL_CACERT", certificate(t), certificate(t))
	metadata := func(x interface{}) Option {
		return MetadataFunc(func(*api.ServiceEntry) interface{} { return x })
	}
	for name, test := range map[string]struct {
		one, other func(t *testing.T) naming.Resolver
		queries    int
	}{
		"nothing different":    {options(), options(), 1},
		"the defaults":         {options(), options(PassingOnly(true), QueryOptions(nil), Tags(), QueryOptions(&api.QueryOptions{WaitTime: time.Minute, WaitIndex: 7, WaitHash: "h"})), 1},
		"a negative wait":      {options(), query(api.QueryOptions{WaitTime: -1}), 1},
		"waits too long":       {query(api.QueryOptions{WaitTime: 10 * time.Minute}), query(api.QueryOptions{WaitTime: time.Hour}), 1},
		"functions":            {options(metadata(1)), options(metadata(2)), 1},
		"tags":                 {options(Tags("a", "b")), options(Tags("a,b")), 2},
		"passing":              {options(PassingOnly(false)), options(), 2},
		"token":                {query(api.QueryOptions{Token: "one"}), query(api.QueryOptions{Token: "two"}), 2},
		"token, not UTF-8":     {query(api.QueryOptions{Token: "\xe4"}), query(api.QueryOptions{Token: "\xf6"}), 2},
		"stale":                {query(api.QueryOptions{AllowStale: true}), query(api.QueryOptions{}), 2},
		"wait":                 {query(api.QueryOptions{WaitTime: time.Second * 30}), options(), 2},
		"a function":           {options(metadata(1)), options(), 2},
		"service":              {options(), func(*testing.T) naming.Resolver { return New(client, "svc2") }, 2},
		"client":               {options(), func(*testing.T) naming.Resolver { return New(otherClient(t, s.Address()), "svc") }, 2},
		"environment":          {environment("CONSUL_HTTP_TOKEN", "one"), environment("CONSUL_HTTP_TOKEN", "two"), 2},
		"equal environment":    {environment("CONSUL_HTTP_TOKEN", "one"), environment("CONSUL_HTTP_TOKEN", "one"), 1},
		"authentication":       {environment("CONSUL_HTTP_AUTH", "user:one"), environment("CONSUL_HTTP_AUTH", "user:two"), 2},
		"equal authentication": {environment("CONSUL_HTTP_AUTH", "user:one"), environment("CONSUL_HTTP_AUTH", "user:one"), 1},
		"spelling":             {environment("CONSUL_HTTP_ADDR", s.Address()), func(*testing.T) naming.Resolver { return NewConsulResolver("", "svc") }, 1},
		"token replaced":       {tokens[0], tokens[1], 1},
		"other token file":     {file("CONSUL_HTTP_TOKEN_FILE", "one"), file("CONSUL_HTTP_TOKEN_FILE", "one"), 2},
		"equal token files":    {file("CONSUL_HTTP_TOKEN_FILE", "one"), nil, 1},
		"certificate replaced": {roots[0], roots[1], 1},
	} {
		t.Run(name, func(t *testing.T) {
			one := watching(t, test.one(t))
			other := test.other
			if other == nil {
				other = test.one
			}
			two := watching(t, other(t))
			// As one query may block before another is sent.
			if equal := one.query.key == two.query.key; equal != (test.queries == 1) {
				t.Errorf("the queries are the same one: %v", equal)
			}
			defer func(done ...<-chan string) {
				one.Close()
				two.Close()
				blocked(t, s, 0)
			}(nexts(one), nexts(two))
			blocked(t, s, test.queries)
		})
	}
}

// The stand-in knows no node metadata.
func TestEqualNodeMeta(t *testing.T) {
	client := otherClient(t, "consul.test:8500")
	var keys []key
	meta := map[string]string{"a": "b", "c": "d"}
	for _, m := range []map[string]string{meta, {"c": "d", "a": "b"}, {"a": "b", "c": "e"}, meta} {
		r := New(client, "svc", QueryOptions(&api.QueryOptions{NodeMeta: m}))
		meta["a"] = "changed" // by the caller, after New
		keys = append(keys, resolveOrFail(t, r, "").query.key)
	}
	for i, equal := range []bool{true, true, false, false} {
		if (keys[i] == keys[0]) != equal {
			t.Errorf("query %d is the same as the first: %v, want %v", i, !equal, equal)
		}
	}
}

// Each field of a configuration decides about sharing, those included that a
// later consul/api may have.
func TestEveryFieldOfTheConfig(t *testing.T) {
	seen := map[key]string{keyOf(&query{}, &api.Config{}): "none"}
	of := reflect.TypeFor[api.Config]()
	for i := range of.NumField() {
		name := of.Field(i).Name
		if name == "Transport" || name == "HttpClient" {
			continue
		}
		var config api.Config
		switch v := reflect.ValueOf(&config).Elem().Field(i); v.Kind() {
		case reflect.String:
			v.SetString("x")
		case reflect.Int64:
			v.SetInt(1)
		case reflect.Pointer:
			v.Set(reflect.New(v.Type().Elem()))
		case reflect.Struct:
			v.FieldByName("Address").SetString("x")
		default:
			t.Fatalf("%s is a %v: set it here", name, v.Kind())
		}
		k := keyOf(&query{}, &config)
		if other, ok := seen[k]; ok {
			t.Errorf("with %s alone the query counts as the same as with %s", name, other)
		}
		seen[k] = name
	}
}

func otherClient(t *testing.T, address string) *api.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := api.NewClient(&api.Config{Address: address, HttpClient: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// certificate returns one, in PEM, that no other is equal to.
func certificate(t *testing.T) string {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}
