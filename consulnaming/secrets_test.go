package consulnaming

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/hashicorp/consul/api"

	"github.com/grpcnaming/grpcnaming/consulnaming/consultest"
	"github.com/grpcnaming/grpcnaming/naming"
)

const testSecret = "5ec7e7-70ken"

// noSecret looks for the secret in whatever fmt makes of value.
func noSecret(t *testing.T, what string, value interface{}) {
	t.Helper()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X"} {
		text := fmt.Sprintf(verb, value)
		hex := fmt.Sprintf("%x", testSecret)
		if strings.Contains(text, testSecret) || strings.Contains(strings.ToLower(text), hex) {
			t.Errorf("%s with %s shows the secret: %s", what, verb, text)
		}
	}
}

// Whatever a user prints of this package, alone or as part of his own, has no
// token or password in it.
func TestValuesHideSecrets(t *testing.T) {
	s := standIn(t)
	s.Inject(consultest.Status(http.StatusForbidden, "token "+testSecret+" is bad"))
	given, err := api.NewClient(&api.Config{Address: s.Address(), Token: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	option := QueryOptions(&api.QueryOptions{Token: testSecret})
	noSecret(t, "an option", option)
	environment := map[string]string{"CONSUL_HTTP_TOKEN": testSecret, "CONSUL_HTTP_AUTH": "user:" + testSecret}
	for what, test := range map[string]struct {
		r           naming.Resolver
		environment map[string]string // that tells it of the secret
	}{
		"NewConsulResolver":               {NewConsulResolver(s.Address(), "svc"), environment},
		"NewConsulResolver with password": {NewConsulResolver("http://user:"+testSecret+"@"+s.Address(), "svc"), nil},
		"New with a client":               {New(given, "svc"), environment},
		"New with a token":                {New(s.Client(), "svc", option), nil},
	} {
		t.Run(what, func(t *testing.T) {
			r := test.r
			for name, value := range test.environment {
				t.Setenv(name, value)
			}
			type users struct {
				R naming.Resolver
				r naming.Resolver
				W naming.Watcher
			}
			w := resolveOrFail(t, r, "")
			for _, value := range []interface{}{r, w, users{r, r, w}, &users{r, r, w}, []naming.Resolver{r}} {
				noSecret(t, fmt.Sprintf("%T", value), value)
			}
			if text := fmt.Sprint(r, w); !strings.Contains(text, `"svc"`) {
				t.Errorf("%q does not say what is watched", text)
			}
			for e := firstReason(t, w); e != nil; e = errors.Unwrap(e) {
				noSecret(t, "a reason", e)
			}
		})
	}
}

// A password in the agent's address, whatever it is made of, which package api
// takes for a part of the host's name. Both of its halves have to be hidden.
func TestAddressHidesPassword(t *testing.T) {
	for _, between := range []string{"-", "@", "%40", "%25", "%2f", "%zz", "/", ":", `"`, `\`, " ", "?", "#", "ä", "+", "\x00"} {
		for _, scheme := range []string{"", "http://", "https://"} {
			address := scheme + "user:5ec7e7" + between + "70ken@127.0.0.1:1"
			t.Run(address, func(t *testing.T) {
				resolvers := []naming.Resolver{NewConsulResolver(address, "svc")}
				if between != "\x00" { // which no variable can have
					t.Setenv("CONSUL_HTTP_ADDR", address)
					client, err := api.NewClient(api.DefaultConfig())
					if err != nil {
						t.Fatal(err)
					}
					resolvers = append(resolvers, NewConsulResolver("", "svc"), New(client, "svc"))
				}
				for _, r := range resolvers {
					hidden(t, r, "5ec7e7", "70ken")
				}
			})
		}
	}
}

// What a part of a URL makes of a secret, and what quotes make of that, is hidden
// whole.
func TestSpellingsAreHidden(t *testing.T) {
	const secret = "p/a s?5%&5;,=é\"$+:@<"
	for name, spelling := range map[string]string{
		"plain":    secret,
		"query":    url.QueryEscape(secret),
		"path":     url.PathEscape(secret),
		"password": strings.TrimPrefix(url.UserPassword("", secret).String(), ":"),
		"host":     strings.TrimPrefix((&url.URL{Host: secret}).String(), "//"),
		"HTML":     "p/a s?5%&amp;5;,=é&#34;$+:@&lt;",
		"JSON":     `p/a s?5%\u00265;,=é\"$+:@\u003c`,
	} {
		texts := []string{spelling}
		if name != "JSON" {
			quoted := strconv.Quote(spelling)
			texts = append(texts, quoted[1:len(quoted)-1])
		}
		for _, text := range texts {
			if got, want := (secrets{secret}).hide("<"+text+">"), "<"+hiddenText+">"; got != want {
				t.Errorf("%s: hide(%q) = %q, want %q", name, text, got, want)
			}
		}
	}
	// An address may have its password escaped already.
	got, want := addressSecrets("http://us%20er:p%40ss@host").hide("p@ss or p%40ss"), hiddenText+" or "+hiddenText
	if got != want {
		t.Errorf("%q is shown, want %q", got, want)
	}
}

// panicTransport quotes the request that it panics about.
type panicTransport struct{}

func (panicTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	panic(fmt.Sprintf("cannot send %v, what is bad", r.Header))
}

// Nor has what is logged and reported of a panic.
func TestPanicHidesSecrets(t *testing.T) {
	client, err := api.NewClient(&api.Config{Address: "127.0.0.1:1", HttpClient: &http.Client{Transport: panicTransport{}}})
	if err != nil {
		t.Fatal(err)
	}
	hidden(t, New(client, "svc", QueryOptions(&api.QueryOptions{Token: testSecret})), testSecret)

	// What the header has of a password is not the password.
	t.Setenv("CONSUL_HTTP_AUTH", "user:"+testSecret)
	client, err = api.NewClient(&api.Config{Address: "127.0.0.1:1", HttpAuth: &api.HttpBasicAuth{Username: "user", Password: testSecret}, HttpClient: &http.Client{Transport: panicTransport{}}})
	if err != nil {
		t.Fatal(err)
	}
	hidden(t, New(client, "svc"), base64.StdEncoding.EncodeToString([]byte("user:"+testSecret)))
}

// Nor can what an agent says, or a page in its place.
func TestReasonIsOneLine(t *testing.T) {
	q := &query{service: "svc", agent: "agent"}
	got := q.explain(errors.New("500 (<html>\r\n<p>no\x1b[31m\n</html>)")).Error()
	if strings.ContainsFunc(got, unicode.IsControl) || !strings.Contains(got, "<p>no") {
		t.Errorf("reason %q, want the text in one line", got)
	}
}
