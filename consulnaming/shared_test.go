package consulnaming

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/naming"
)

// blocked waits until n queries of s are waiting, and none is on its way.
func blocked(t *testing.T, s *consultest.Server, n int) {
	t.Helper()
	if err := s.Await(testContext(t), func(s consultest.Stats) bool { return s.Open == n && s.Blocked == n }); err != nil {
		t.Fatalf("want %d queries outstanding: %v", n, err)
	}
}

// nexts calls Next until the end and sends what it returns, if anything.
func nexts(w naming.Watcher) <-chan string {
	c := make(chan string, 100)
	go func() {
		defer close(c)
		for {
			u, err := w.Next()
			if err != nil {
				return
			}
			c <- text(u)
		}
	}()
	return c
}

func receive(t *testing.T, c <-chan string, want string) {
	t.Helper()
	select {
	case got := <-c:
		if got != want {
			t.Fatalf("Next: %q, want %q", got, want)
		}
	case <-time.After(patience):
		t.Fatalf("Next has not returned %q after %v", want, patience)
	}
}

// "Share one query loop, ... started by the first watcher, stopped by the last
// Close, nothing left behind, for NewConsulResolver as for New."
func TestOneQueryForAll(t *testing.T) {
	for name, resolver := range map[string]func(c *api.Client, address string) naming.Resolver{
		"NewConsulResolver": func(_ *api.Client, address string) naming.Resolver { return NewConsulResolver(address, "svc") },
		"New": func(c *api.Client, _ string) naming.Resolver {
			return New(c, "svc", Tags("x"), QueryOptions(&api.QueryOptions{AllowStale: true}))
		},
		"MetadataFunc": func(c *api.Client, _ string) naming.Resolver {
			return New(c, "svc", MetadataFunc(func(*api.ServiceEntry) interface{} { return nil }))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := standIn(t)
			client := s.Client()
			register(t, s, "svc", "a", "10.0.0.1", 80, "x")
			var all []naming.Watcher
			var changes []<-chan string
			for range 300 {
				w := watching(t, resolver(client, s.Address()))
				all, changes = append(all, w), append(changes, nexts(w))
			}
			for _, c := range changes {
				receive(t, c, "+10.0.0.1:80")
			}
			blocked(t, s, 1)
			before := s.Stats().Queries
			register(t, s, "svc", "b", "10.0.0.2", 80, "x")
			for _, c := range changes {
				receive(t, c, "+10.0.0.2:80")
			}
			blocked(t, s, 1)
			if n := s.Stats().Queries - before; n != 1 {
				t.Errorf("%d queries for one change, want the one after it", n)
			}
			for i, w := range all {
				if i == len(all)-1 {
					blocked(t, s, 1)
				}
				w.Close()
				w.Close()
			}
			blocked(t, s, 0)
			for _, c := range changes {
				for range c { // ends, as Next does
				}
			}
			again := watching(t, resolver(client, s.Address()))
			expect(t, again, "+10.0.0.1:80 +10.0.0.2:80")
			again.Close()
			blocked(t, s, 0)
		})
	}
}

// The real agent allows 200 connections: of 300 watchers with a query each, 100
// got HTTP 429.
func TestManyWatchersOfTheRealConsul(t *testing.T) {
	a := realAgent(t)
	s := serviceName(t)
	register(t, a, s, "a", "10.0.0.1", 80)
	log := logged.Mark()
	var changes []<-chan string
	for range 300 {
		changes = append(changes, nexts(watching(t, NewConsulResolver(a.Address(), s))))
	}
	for _, c := range changes {
		receive(t, c, "+10.0.0.1:80")
	}
	register(t, a, s, "b", "10.0.0.2", 80)
	for _, c := range changes {
		receive(t, c, "+10.0.0.2:80")
	}
	if l := log(); strings.Contains(l, "429") || strings.Contains(l, s) {
		t.Errorf("logged: %s", l)
	}
}

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
		"token in a file":      {tokens[0], tokens[1], 2},
		"equal token files":    {file("CONSUL_HTTP_TOKEN_FILE", "one"), nil, 1},
		"certificate replaced": {roots[0], roots[1], 2},
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

// So does what is in each of the files that it names, also where the name stays: a
// certificate is replaced under it.
func TestEveryFileOfTheConfig(t *testing.T) {
	for name, config := range map[string]func(file string) api.TLSConfig{
		"CAFile":   func(file string) api.TLSConfig { return api.TLSConfig{CAFile: file} },
		"CAPath":   func(file string) api.TLSConfig { return api.TLSConfig{CAPath: filepath.Dir(file)} },
		"CertFile": func(file string) api.TLSConfig { return api.TLSConfig{CertFile: file} },
		"KeyFile":  func(file string) api.TLSConfig { return api.TLSConfig{KeyFile: file} },
	} {
		file := filepath.Join(t.TempDir(), "file")
		var keys []key
		for _, content := range []string{"one", "two", "one"} {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			keys = append(keys, keyOf(&query{}, &api.Config{TLSConfig: config(file)}))
		}
		if keys[0] == keys[1] || keys[0] != keys[2] {
			t.Errorf("%s: the content does not decide about sharing, or something else does", name)
		}
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

// "A slow one skips intermediate states, and none holds up another."
func TestSlowWatcher(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	slow, quick := watching(t, New(client, "svc")), watching(t, New(client, "svc"))
	expect(t, slow, "+10.0.0.1:80")
	expect(t, quick, "+10.0.0.1:80")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, quick, "+10.0.0.2:80")
	register(t, s, "svc", "c", "10.0.0.3", 80)
	expect(t, quick, "+10.0.0.3:80")
	deregister(t, s, "svc", "a")
	expect(t, quick, "-10.0.0.1:80")
	deregister(t, s, "svc", "b")
	expect(t, quick, "-10.0.0.2:80")
	expect(t, slow, "-10.0.0.1:80 +10.0.0.3:80") // b came and went
	register(t, s, "svc", "d", "10.0.0.4", 80)
	expect(t, slow, "+10.0.0.4:80")
}

// A watcher that looks only when everything is as it was has nothing to tell.
func TestSlowWatcherSeesNoChange(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	slow, quick := watching(t, New(client, "svc")), watching(t, New(client, "svc"))
	expect(t, slow, "")
	expect(t, quick, "")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, quick, "+10.0.0.2:80")
	deregister(t, s, "svc", "b")
	expect(t, quick, "-10.0.0.2:80")
	c := nexts(slow)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	expect(t, quick, "+10.0.0.1:80")
	receive(t, c, "+10.0.0.1:80")
}

// A watcher that comes later is told at once what is known.
func TestLateWatcher(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	expect(t, watching(t, New(client, "svc")), "+10.0.0.1:80")
	blocked(t, s, 1)
	before := s.Stats().Queries
	late := watching(t, New(client, "svc"))
	expect(t, late, "+10.0.0.1:80")
	if n := s.Stats().Queries - before; n != 0 {
		t.Errorf("%d queries for a watcher that came later, want none", n)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	expect(t, late, "+10.0.0.2:80")
}

// What is known comes before the reason why there is nothing newer.
func TestLateWatcherOfAFailingAgent(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	early, reasons := watching(t, New(client, "svc")), make(chan error, 100)
	early.OnError(func(err error) { reasons <- err })
	expect(t, early, "+10.0.0.1:80")
	blocked(t, s, 1)
	remove := s.Inject(consultest.Status(http.StatusInternalServerError, "No cluster leader"))
	s.DropConnections()
	c := nexts(early)
	if err := <-reasons; err == nil {
		t.Fatal("OnError(nil), want the reason")
	}

	late := watching(t, New(client, "svc"))
	var told []error
	recovered := make(chan struct{})
	late.OnError(func(err error) {
		if told = append(told, err); err == nil {
			close(recovered)
		}
	})
	expect(t, late, "+10.0.0.1:80")
	if len(told) > 0 {
		t.Errorf("told %v before the set", told)
	}
	c2 := nexts(late)
	remove()
	select {
	case <-recovered:
	case <-time.After(patience):
		t.Fatal("the watcher was not told of the end of the failure")
	}
	if len(told) < 2 || told[0] == nil {
		t.Errorf("told %v, want a reason and nil", told)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	receive(t, c, "+10.0.0.2:80")
	receive(t, c2, "+10.0.0.2:80")
}

// "One watcher's Close ... harms no other."
func TestCloseOfOneOfTwo(t *testing.T) {
	s := standIn(t)
	register(t, s, "svc", "a", "10.0.0.1", 80)
	one, two := watching(t, NewConsulResolver(s.Address(), "svc")), watching(t, NewConsulResolver(s.Address(), "svc"))
	expect(t, one, "+10.0.0.1:80") // the query is its client's
	expect(t, two, "+10.0.0.1:80")
	blocked(t, s, 1)
	before := s.Stats().Requests
	c := nexts(two)
	one.Close()
	if _, err := one.Next(); err != errClosed {
		t.Errorf("Next after Close: %v", err)
	}
	register(t, s, "svc", "b", "10.0.0.2", 80)
	receive(t, c, "+10.0.0.2:80")
	blocked(t, s, 1)
	if n := s.Stats().Requests - before; n != 2 { // the registration and the next query
		t.Errorf("%d requests after a Close and a change, want 2", n)
	}
}

// Nor does it have to wait for the other: it ends the watcher's own Next.
func TestCloseEndsNextOfOneOfTwo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := clientOf(t, silent)
		one, two := resolveOrFail(t, New(client, "svc"), ""), resolveOrFail(t, New(client, "svc"), "")
		ended, other := drain(one), drain(two)
		isOver := func(done <-chan struct{}) bool {
			synctest.Wait()
			select {
			case <-done:
				return true
			default:
				return false
			}
		}
		if isOver(ended) {
			t.Error("Next has ended before Close")
		}
		one.Close()
		if !isOver(ended) || isOver(other) {
			t.Error("Close of one of two does not end its Next, or that of the other")
		}
		two.Close()
		<-ended
		<-other
	})
}

// "... or a panic in a user's metadata function harms no other."
func TestPanicOfOneOfTwo(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	bad := watching(t, New(client, "svc", MetadataFunc(func(*api.ServiceEntry) interface{} { panic("ouch") })))
	worse := watching(t, New(client, "svc", AddressFunc(func(*api.ServiceEntry) api.ServiceAddress { panic("ouch") })))
	good := watching(t, New(client, "svc", MetadataFunc(func(e *api.ServiceEntry) interface{} { return e.Service.ID })))
	for range 2 {
		expect(t, bad, "+10.0.0.1:80")
		expect(t, worse, "")
		expect(t, good, "+10.0.0.1:80[svc-a]")
		blocked(t, s, 1)
		deregister(t, s, "svc", "a")
		expect(t, bad, "-10.0.0.1:80")
		expect(t, good, "-10.0.0.1:80[svc-a]")
		register(t, s, "svc", "a", "10.0.0.1", 80)
		worse.Close()
		worse = watching(t, New(client, "svc", AddressFunc(func(*api.ServiceEntry) api.ServiceAddress { panic("ouch") })))
	}
}

// A transport that panics does so on a goroutine of ours.
func TestPanickingTransport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen requests
		client := clientOf(t, func(r *http.Request) (*http.Response, error) {
			switch seen.add(r) {
			case 1:
				panic("ouch")
			case 2:
				return reply(7, "[]")
			}
			return silent(r)
		})
		w := resolveOrFail(t, New(client, "svc"), "")
		var told []error
		w.OnError(func(err error) { told = append(told, err) })
		expect(t, w, "")
		if len(told) != 2 || told[0] == nil || !strings.Contains(told[0].Error(), "panicked: ouch") || told[1] != nil {
			t.Errorf("told %v", told)
		}
		w.Close()
		synctest.Wait()
	})
}

// One that goes on panicking has one line per retry, and one stack.
func TestTransportGoesOnPanicking(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := logged.Mark()
		client := clientOf(t, func(*http.Request) (*http.Response, error) { panic("ouch") })
		w := resolveOrFail(t, New(client, "svc"), "")
		done := drain(w)
		time.Sleep(time.Minute)
		synctest.Wait()
		w.Close()
		<-done
		text := log()
		retries, panics := strings.Count(text, "trying again in"), strings.Count(text, "panicked: ouch")
		if stacks := strings.Count(text, "[running"); retries < 5 || stacks != 1 || panics != retries+stacks {
			t.Errorf("%d retries, %d stacks, %d lines about the panic; want one stack beside the retries", retries, stacks, panics)
		}
	})
}

// What a user does with his updates is no concern of the others.
func TestUpdatesAreTheCallersOwn(t *testing.T) {
	s := standIn(t)
	client := s.Client()
	register(t, s, "svc", "a", "10.0.0.1", 80)
	one, two := watching(t, New(client, "svc")), watching(t, New(client, "svc"))
	spoil := func() {
		t.Helper()
		updates, err := one.Next()
		if err != nil || len(updates) == 0 {
			t.Fatalf("Next: %v, %v", updates, err)
		}
		for i, u := range updates {
			u.Op, u.Addr, u.Metadata, updates[i] = naming.Delete, "spoilt", "spoilt", nil
		}
	}
	spoil()
	expect(t, two, "+10.0.0.1:80")
	register(t, s, "svc", "b", "10.0.0.2", 80)
	spoil()
	expect(t, two, "+10.0.0.2:80")
	deregister(t, s, "svc", "a")
	expect(t, one, "-10.0.0.1:80")
	expect(t, two, "-10.0.0.1:80")
}

// Watchers come and go while instances do, and in the end nothing is left.
func TestWatchersComeAndGo(t *testing.T) {
	s := standIn(t)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := mathrand.New(mathrand.NewPCG(uint64(i), 1))
			for {
				select {
				case <-stop:
					return
				default:
				}
				w, err := NewConsulResolver(s.Address(), "svc").Resolve("")
				if err != nil {
					t.Error(err)
					return
				}
				known := make(map[string]bool)
				for n := random.IntN(4); n >= 0; n-- {
					updates, err := w.Next()
					if err != nil {
						t.Errorf("Next before Close: %v", err)
					}
					for _, u := range updates {
						if add := u.Op == naming.Add; add == known[u.Addr] {
							t.Errorf("update %v, known is %v", u, known)
						}
						known[u.Addr] = u.Op == naming.Add
					}
				}
				go w.Close()
				for {
					if _, err := w.Next(); err != nil {
						if !errors.Is(err, errClosed) {
							t.Error(err)
						}
						break
					}
				}
			}
		}()
	}
	for n := range 60 {
		id := fmt.Sprint(n % 7)
		if n/7%2 == 0 {
			register(t, s, "svc", id, "10.0.0."+id, 80)
		} else {
			deregister(t, s, "svc", id)
		}
		if err := s.Await(testContext(t), func(s consultest.Stats) bool { return s.Open > 0 }); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	eventually(t, "all watchers are gone", func() bool { // each may be waiting for one more change
		select {
		case <-done:
			return true
		default:
		}
		register(t, s, "svc", "end", "10.0.1.1", 80)
		deregister(t, s, "svc", "end")
		return false
	})
	blocked(t, s, 0)
}
